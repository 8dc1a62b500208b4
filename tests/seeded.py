"""Numbers for tests that invent things, the same for a seed on MicroPython and CPython."""


class Source:
    """Numbers that look random and follow from `seed` (xorshift32, Marsaglia 2003)."""

    def __init__(self, seed):
        self._state = seed & 0x3FFFFFFF or 1

    def below(self, end):
        """Return a number from 0 to `end` - 1."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % end

    def pick(self, items):
        return items[self.below(len(items))]

    def bytes(self, size):
        made = bytearray(size)  # a list of as many numbers would be eight times as large
        for i in range(size):
            made[i] = self.below(256)
        return bytes(made)
