"""`ntptime`: a time server that knows the true time of the simulated world.

It answers whoever has joined the network; `"ntp": false` in board.json silences it.
"""

from errno import ETIMEDOUT
from struct import unpack

import _hardware

host = "pool.ntp.org"
timeout = 1

_NO_SUCH_NAME = -202  # what the firmware's resolver says without a network


def time():
    """Return the true time in whole seconds since the board's epoch; OSError where nobody answers."""
    import network
    from time import EPOCH

    if not network.WLAN(network.STA_IF).isconnected():
        raise OSError(_NO_SUCH_NAME)
    lie = _hardware.fault("ntp")
    if lie == "short":  # the real module takes any datagram for an answer
        return unpack("!I", bytes(20)[40:44])[0]
    if isinstance(lie, int):
        return lie - EPOCH
    if not _hardware.config.get("ntp", True) or lie == "silent":
        from utime import sleep

        sleep(timeout)
        raise OSError(ETIMEDOUT)
    return _hardware.true_us() // 1000000 - EPOCH


def settime():
    """Set the board's clock to the true time."""
    from machine import RTC
    from time import gmtime

    now = gmtime(time())
    RTC().datetime((now[0], now[1], now[2], now[6], now[3], now[4], now[5], 0))
