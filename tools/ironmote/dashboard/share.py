"""So many at a time, and of one account no more than its share: nobody who may sign in keeps the others out."""

from collections import Counter


class Share:
    """Counts what goes on. For one thread, the server's."""

    def __init__(self, most: int, of_one: int) -> None:
        """`most` in all, `of_one` account."""
        self._most = most
        self._of_one = of_one
        self._taken: Counter[str] = Counter()

    def has_room(self, account: str) -> bool:
        """True where one more may begin."""
        return self._taken[account] < self._of_one and self._taken.total() < self._most

    def take(self, account: str) -> bool:
        """Begin one more; False where there is no room for it."""
        if not self.has_room(account):
            return False
        self._taken[account] += 1
        return True

    def give(self, account: str) -> None:
        """One has ended."""
        self._taken[account] -= 1
        if not self._taken[account]:
            del self._taken[account]
