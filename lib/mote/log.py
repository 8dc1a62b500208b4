"""The console: one line an event, with the seconds since start and who says it.

Callers pass short texts that they wrote themselves. Bytes from outside and secrets are never
passed here; `repr` of an exception is, so no exception text holds a secret. A line with a control
character in it, which could rewrite what a terminal shows, is printed as its `repr`.
"""

from mote import const, record, uptime

_LONGEST = const(400)


def say(who, *words):
    """Print `12.345 who: words …`."""
    now = uptime.ms()
    line = " ".join([str(word) for word in words])
    data = line.encode()  # letter by letter, MicroPython would keep each new one for ever
    if not record.is_text(line, _LONGEST) or b"\xe2\x80\xa8" in data or b"\xe2\x80\xa9" in data:
        line = repr(line[:_LONGEST])
    print("%d.%03d %s: %s" % (now // 1000, now % 1000, who, line))
