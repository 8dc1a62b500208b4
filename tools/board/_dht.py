"""`machine.dht_readinto`, which firmware has in C: the forty bits of a DHT part on a pin."""

from errno import ETIMEDOUT

import _hardware


def dht_readinto(pin, buf):
    """Fill the five bytes of `buf`; OSError where nothing answers, ValueError where it is too short."""
    if len(buf) < 5:
        raise ValueError("buffer too small")
    for part in _hardware.parts(pin._number):
        if part.fault != "unplugged" and part.transfer(buf):
            return
    raise OSError(ETIMEDOUT)
