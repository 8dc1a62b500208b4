"""The lines of the buses as pins read them: pulled up where the parts hang, unless a fault of the host holds one low.

"i2c": "sda" or "scl" is a line that something holds low; "slipped" a part that lost step in the middle of a byte: it
holds the data line until it has been given nine clocks. "noise" is a wire too long: answers and
bytes at random.
"""

from micropython import const

import _hardware

_CLOCKS = const(9)

_clocks = 0
_was = None
_state = 1


def noise():
    """Return a byte at random, the same ones in every run; None where there is no noise."""
    global _state
    if _hardware.fault("i2c") != "noise":
        return None
    _state = _state * 1103515245 + 12345 & 0x7FFFFFFF
    return _state >> 16 & 0xFF


def held():
    """Return the line that is held low, "sda" or "scl", or None."""
    global _clocks, _was
    fault = _hardware.fault("i2c")
    if fault != _was:
        _was = fault
        _clocks = 0
    if fault == "slipped":
        return "sda" if _clocks < _CLOCKS else None
    return fault if fault != "noise" else None


def level(pin, pulled):
    """Return what the open-drain `pin` reads when the board lets it go; `pulled` says that the board pulls it up."""
    pins = _hardware.config.get("i2c") or {}
    for line in ("sda", "scl"):
        if pins.get(line) == pin:
            return 0 if held() == line else 1
    return 1 if pulled and _hardware.fault("onewire") != "low" else 0


def driven(pin, level):
    """Take what the board drives on the open-drain `pin`: a rising clock moves a part that hangs."""
    global _clocks
    if level and (_hardware.config.get("i2c") or {}).get("scl") == pin and held() == "sda":
        _clocks += 1
