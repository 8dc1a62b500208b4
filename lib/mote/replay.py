"""The replay window of one sender in one epoch (RFC 8613, 7.4; RFC 4303, 3.4.3)."""


class Window:
    """The last `size` sequence numbers, of which each is accepted once.

    `highest` is the greatest committed (-1: none) and bit i of `bits` says that `highest - i` was
    committed; both are plain integers, to be kept over a restart.
    """

    def __init__(self, size=64, highest=-1, bits=0):
        self.size = size
        self.highest = highest
        self.bits = bits

    def check(self, sequence):
        """True where `sequence` was not committed and is not older than the window."""
        age = self.highest - sequence
        if age < 0:
            return True
        return age < self.size and not self.bits >> age & 1

    def commit(self, sequence):
        """Take `sequence`, of a message that has verified and for which `check` was true."""
        ahead = sequence - self.highest
        if ahead > 0:
            # A jump past the whole window leaves nothing of it: no shift by a number from outside.
            kept = self.bits << ahead & (1 << self.size) - 1 if ahead < self.size else 0
            self.bits = kept | 1
            self.highest = sequence
        elif -ahead < self.size:
            self.bits |= 1 << -ahead
