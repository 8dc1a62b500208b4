"""The console: one line an event, with the seconds since start and who says it.

Callers pass short texts that they wrote themselves. Bytes from outside and secrets are never
passed here; `repr` of an exception is, so no exception text holds a secret.
"""

from mote import uptime


def say(who, *words):
    """Print `12.345 who: words …`."""
    now = uptime.ms()
    print("%d.%03d %s:" % (now // 1000, now % 1000, who), *words)
