"""The console: one line an event, with the seconds since start and who says it.

`debug`, `say` (information), `warn` and `error` print where the level of the settings is not above theirs. Callers
pass short texts that they wrote themselves. Bytes from outside and secrets are never passed here, at no level; `repr`
of an exception is, so no exception text holds a secret. A line with a control character in it, which could rewrite
what a terminal shows, is printed as its `repr`.

The first words of the last warning are kept as `last`, for the status: they must be a literal of this program.
"""

from mote import const, record, uptime

LEVELS = ("debug", "info", "warning", "error")
_INFO = const(1)
_WARNING = const(2)
_LONGEST = const(400)

level = _INFO
last = ""


def debug(who, *words):
    """Print `12.345 debug who: words …`: what only helps to find a mistake."""
    if not level:
        _print("debug " + who, words)


def say(who, *words):
    """Print `12.345 who: words …`."""
    if level <= _INFO:
        _print(who, words)


def warn(who, what, *words):
    """Print `12.345 warning who: what words …` and keep `who` and `what`, which are of this program, as `last`."""
    global last
    last = who + ": " + what
    if level <= _WARNING:
        _print("warning " + who, (what,) + words)


def error(who, what, *words):
    """Print `12.345 error who: what words …`, at every level, and keep `who` and `what` as `warn` does."""
    global last
    last = who + ": " + what
    _print("error " + who, (what,) + words)


def _print(head, words):
    now = uptime.ms()
    line = " ".join([str(word) for word in words])
    data = line.encode()  # letter by letter, MicroPython would keep each new one for ever
    if not record.is_text(line, _LONGEST) or b"\xe2\x80\xa8" in data or b"\xe2\x80\xa9" in data:
        line = repr(line[:_LONGEST])
    print("%d.%03d %s: %s" % (now // 1000, now % 1000, head, line))
