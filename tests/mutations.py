"""Malformed messages without end, the same for a seed on MicroPython and CPython.

What an attacker makes of messages that were seen: bits flipped, ends cut, pieces of two joined, lengths edited, and
messages of the right form with everything inside them invented.
"""

from mote import cbor, sealed

_EDGES = b"\x00\x17\x18\x1b\x40\x57\x58\x59\x5a\x5b\x5f\x7f\x80\x9f\xa0\xbf\xd0\xf6\xff"  # heads at a boundary
_ANY_SIZE = (0, 1, 15, 16, 17, 23, 24, 40, 100, 239, 256, 1000, 1024, 1100)


def _flipped(source, sample, samples):
    made = bytearray(sample)
    for _ in range(1 + source.below(8)):
        made[source.below(len(made))] ^= 1 << source.below(8)
    return bytes(made)


def _cut(source, sample, samples):
    return sample[: source.below(len(sample))]


def _longer(source, sample, samples):
    return sample + source.bytes(1 + source.below(40))


def _without_a_piece(source, sample, samples):
    begin = source.below(len(sample))
    return sample[:begin] + sample[begin + 1 + source.below(16) :]


def _with_a_piece(source, sample, samples):
    begin = source.below(len(sample))
    return sample[:begin] + source.bytes(1 + source.below(16)) + sample[begin:]


def _spliced(source, sample, samples):
    other = source.pick(samples)
    return sample[: source.below(len(sample))] + other[source.below(len(other)) :]


def _length_edited(source, sample, samples):
    """A head where lengths and types are, replaced by one that means something else."""
    made = bytearray(sample)
    for _ in range(1 + source.below(2)):
        made[source.below(min(len(made), 48))] = source.pick(_EDGES)
    return bytes(made)


def _invented(source, sample, samples):
    return source.bytes(source.below(80))


_CHANGES = (_flipped, _cut, _longer, _without_a_piece, _with_a_piece, _spliced, _length_edited, _invented)


def changed(source, samples):
    """Return one of `samples` (non-empty bytes), changed in one of many ways."""
    return source.pick(_CHANGES)(source, source.pick(samples), samples)


def composed(source, epochs):
    """Return a message of the right form, or nearly, with all in it invented; its epoch is often one of `epochs`."""
    kid = source.pick((sealed.UPLINK, sealed.WILL, sealed.UPDATE, sealed.DOWNLINK + source.bytes(6), source.bytes(3)))
    piv = source.pick((b"\x00", b"\x05", b"\xff", source.bytes(1 + source.below(5)), b"\xff\xff\xff\xff\xff", b""))
    if source.below(3):
        epoch = source.pick(epochs)
        if source.below(2):
            epoch = epoch[:5] + source.bytes(8)
    else:
        epoch = sealed.make_epoch(source.below(3), source.below(12), source.bytes(8))
    body = bytes(source.pick(_ANY_SIZE)) if source.below(8) == 0 else source.bytes(source.below(48))
    unprotected = [4, kid, 6, piv, 10, epoch]
    if source.below(16) == 0:
        unprotected[source.below(6)] = source.pick((None, 0, -1, b"", "04", [1], 2**40, True))
    head = b"\xd0\x83\x44\xa1\x01\x18\x1f\xa3"
    return head + b"".join([cbor.encode(each) for each in unprotected]) + cbor.encode(body)
