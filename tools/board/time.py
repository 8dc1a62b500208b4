"""`time` as boards have it: whole seconds since 2000-01-01, on the RP2040 1970, on a clock of the board's own.

The clock starts at 2000-01-01 when power comes on and runs on through resets and deep sleep, that of the RP2040 at
2021-01-01 at each reset; `machine.RTC` and `ntptime` set it. Ticks and sleeps are the unix port's own.
"""

import utime
from utime import (  # noqa: F401  all of these are what a board has
    sleep,
    sleep_ms,
    sleep_us,
    ticks_add,
    ticks_cpu,
    ticks_diff,
    ticks_ms,
    ticks_us,
)

from _hardware import chip, clock_us

EPOCH = 0 if chip == "rp2040" else 946684800  # in seconds since 1970


def time():
    """Return the board's clock in seconds since the epoch."""
    return clock_us() // 1000000 - EPOCH


def time_ns():
    """Return the board's clock in nanoseconds since the epoch."""
    return (clock_us() - EPOCH * 1000000) * 1000


def gmtime(seconds=None):
    """Return `seconds` since the epoch (now, if left out) as the 8-tuple of a board."""
    if seconds is None:
        seconds = time()
    return utime.gmtime(int(seconds) + EPOCH)[:8]


localtime = gmtime


def mktime(parts):
    """Return the seconds since the epoch of an 8-tuple; a board knows no zones."""
    year, month, day, hour, minute, second = parts[:6]
    # Counted from March, a leap day is the last of its year.
    year += (month - 3) // 12
    month = (month - 3) % 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
    return (days - 730426) * 86400 + 946684800 - EPOCH + hour * 3600 + minute * 60 + second
