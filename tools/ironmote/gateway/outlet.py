"""Where what was stored goes on to: consumers of the trusted side, who get every record at least once."""

from typing import Protocol

from .outbox import Outbox


class Outlet(Protocol):
    """Hands on what waits in the outbox. Called on the gateway's worker, several times a second."""

    def turn(self, outbox: Outbox, last: bool) -> None:
        """Take what waits, and say what was handed on. Does not wait for anything. Raises StoreError.

        At the `last` turn the gateway ends: nothing more is to be taken.
        """
