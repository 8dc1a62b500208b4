"""The console: one line an event, with the seconds since start and who says it.

Callers pass short texts that they wrote themselves. Bytes from outside and secrets are never
passed here; `repr` of an exception is, so no exception text holds a secret. A line with a control
character in it, which could rewrite what a terminal shows, is printed as its `repr`.
"""

from mote import uptime


def say(who, *words):
    """Print `12.345 who: words …`."""
    now = uptime.ms()
    line = " ".join([str(word) for word in words])
    if any(c < " " or "\x7f" <= c < "\xa0" or c in "\u2028\u2029" for c in line):
        line = repr(line)
    print("%d.%03d %s: %s" % (now // 1000, now % 1000, who, line))
