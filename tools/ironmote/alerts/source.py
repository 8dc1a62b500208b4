"""Where alerts are read by commands: of the gateway that runs here, else from what its store has."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import IronmoteError
from ..fleet_folder import Folder
from ..gateway import settings
from ..gateway.database import open_beside, open_database
from ..gateway.owner_line import NoGateway, OwnerLine
from .kept import Kept


class Source:
    """The alerts of the fleet in `folder`. All methods raise IronmoteError."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.line = OwnerLine(folder.paths.line)

    def alerts(self, since: float | None) -> list[dict[str, Any]]:
        """The lines of those that last, and of those that did at any time since then; the latest first."""
        try:
            found: list[dict[str, Any]] = self.line.ask("alerts", since=since)
            return found
        except NoGateway:
            with self._kept(read_only=True) as kept:
                kept_ones = kept.open_alerts() if since is None else kept.since(since)
                return [alert.line() for alert in kept_ones]

    def acknowledge(self, alert_id: str) -> dict[str, Any]:
        """Note that the owner has seen an alert; gives its line."""
        try:
            found: dict[str, Any] = self.line.ask("acknowledge", alert=alert_id)
            return found
        except NoGateway:
            with self._kept(read_only=False) as kept:
                return kept.acknowledge(alert_id).line()

    def release(self, mote: str) -> bool:
        """Take a mote out of quarantine; False where it was not in it."""
        try:
            return bool(self.line.ask("release", mote=mote))
        except NoGateway:
            with self._kept(read_only=False) as kept:
                return kept.release(mote)

    @contextlib.contextmanager
    def _kept(self, read_only: bool) -> Iterator[Kept]:
        told = settings.load(self._folder.paths.gateway_settings, self._folder.file.id)
        store = settings.place_of_store(told, self._folder.paths)
        if isinstance(store, Path) and not store.is_file():
            raise IronmoteError("no gateway has run here yet; ironmote gateway starts it")
        # To write without a gateway is to be one for a moment: the lock says so, and the schema is brought up.
        db = open_beside(store, read_only=True) if read_only else open_database(store)
        with contextlib.closing(Kept(db)) as kept:
            yield kept
