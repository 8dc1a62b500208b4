"""A fleet's gateway as a service: from the fleet's folder, until it is interrupted, without a passphrase.

    with Service(folder) as service:
        for _ in service.turns(on_zone, on_note):
            …                               # wait a little

It serves whom the roster names, and takes up what the tools change there. A broker that is away is waited for, for
ever. What hangs on the gateway (alerts, what is republished, metrics) are parts: see `PARTS`.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from .. import secret_files
from ..alerts.part import part as alerts
from ..brokers import GatewayAccess
from ..brokers.written import Written
from ..errors import BrokerError, IronmoteError
from ..fleet_folder import Folder
from ..northbound.parts import home_assistant, prometheus
from ..northbound.republisher import Republisher
from ..northbound.tables import says_json
from . import settings
from .events import Event
from .gateway import Gateway
from .hub import Hub
from .line_server import LineServer
from .owner import LiveOwner
from .recall import recalled
from .roster import Roster, RosterError, RosterFile
from .settings import Settings

_TAKE_UP_S = 30.0
_SETTLING_S = 3.0  # after the start, in which nothing is said of a broker that has not answered yet

# What hangs on a gateway: each is entered with the service once its gateway is there and before it is connected, adds
# itself to `hub`, may offer something to the owner (`owner.offer`), and leaves when the gateway has stopped.
Part: TypeAlias = Callable[["Service"], contextlib.AbstractContextManager[None]]
PARTS: tuple[Part, ...] = (alerts, home_assistant, prometheus)


class Service:
    """The gateway of the fleet in `folder`, with what hangs on it. Raises IronmoteError where it cannot begin."""

    def __init__(self, folder: Folder, parts: tuple[Part, ...] = PARTS) -> None:
        self.folder = folder
        self.settings: Settings = settings.load(folder.paths.gateway_settings, folder.file.id)
        self.accesses: list[GatewayAccess] = _accesses(folder, self.settings)
        self._roster_file = RosterFile(folder.paths.roster)
        self.roster: Roster = self._first_roster()
        self.store: Path | str = settings.place_of_store(self.settings, folder.paths)
        self.hub: Hub[Event] = Hub()
        self.rosters: Hub[Roster] = Hub()  # is told each that is taken up after the first
        self._parts = parts
        self._ends = contextlib.ExitStack()
        self.gateway: Gateway
        self.owner: LiveOwner
        self._trouble = ""
        self._taking_up = threading.Lock()

    def __enter__(self) -> "Service":
        """Start it. Raises IronmoteError, and then nothing is left running."""
        paths = self.folder.paths
        with contextlib.ExitStack() as ends:
            secret_files.close_folder(paths.gateway)
            trusted = any(access.is_trusted for access in self.accesses)
            outlet = Republisher() if trusted and says_json(self.settings.tables) else None
            self.gateway = Gateway(
                self.roster.fleet_id,
                self.roster.members,
                self.accesses,
                self.store,
                self.hub,
                outlet,
                self.settings.keep_days,
            )
            # The last to end is what needs no gateway; `stop` may be called twice.
            ends.callback(self.gateway.stop)
            self.owner = LiveOwner(self.gateway, self.roster, self.refresh)
            self.hub.add(self.owner.take)
            if outlet is not None:
                outlet.begin(self.gateway)
                self.hub.add(outlet.event)
            for part in self._parts:
                ends.enter_context(part(self))
            ends.enter_context(LineServer(self.owner, paths.line))
            self.gateway.start(None)
            ends.callback(self.gateway.stop)
            ends.enter_context(recalled(self.store, list(self.roster.entries), self.owner.known))
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it in order: what has arrived is stored first."""
        self._ends.close()

    def turns(self, on_zone: Callable[[str, str], None], on_note: Callable[[str], None]) -> Iterator[None]:
        """Look after it, each time the next of these is asked for. Raises IronmoteError where it cannot go on.

        `on_zone` is told of each zone, at first and whenever it changes, what keeps it from being heard, "" for
        nothing; `on_note` what else a person may want to know, in words.
        """
        known: dict[str, str] = {}
        begun = time.monotonic()
        while True:
            self.gateway.check(zones=False)
            settling = time.monotonic() - begun < _SETTLING_S
            for zone, trouble in self.gateway.zones.items():
                if known.get(zone) != trouble and not (trouble and settling):
                    known[zone] = trouble
                    on_zone(zone, trouble)
            try:
                if self._take_up():
                    on_note(f"the fleet has changed; motes: {len(self.roster.entries)}")
                self._trouble = ""
            except IronmoteError as error:  # whom it serves stays as it was
                if str(error) != self._trouble:
                    on_note(f"{error}; motes are served as before")
                self._trouble = str(error)
            yield

    def refresh(self) -> None:
        """Serve the roster as it is now; returns when that is so. Any thread may. Raises IronmoteError."""
        self._take_up()

    def _take_up(self) -> bool:
        with self._taking_up:
            return self._take_up_alone()

    def _take_up_alone(self) -> bool:
        changed = self._roster_file.changed()
        if changed is None:
            return False
        if changed.fleet_id != self.roster.fleet_id:
            raise RosterError(f"{self.folder.paths.roster} is of another fleet")
        taken = self.gateway.admit(changed.members)
        self.owner.admit(changed.entries.values())
        self.roster = changed
        self.rosters(changed)
        if not taken.wait(_TAKE_UP_S):
            raise IronmoteError("the gateway is busy, and has not yet taken up the change; it will")
        return True

    def _first_roster(self) -> Roster:
        first = self._roster_file.changed()
        if first is None:
            raise RosterError("there is no roster")
        if first.fleet_id != self.folder.file.id:
            raise RosterError(f"{self.folder.paths.roster} is of another fleet; ironmote broker write writes it anew")
        return first


def _accesses(folder: Folder, told: Settings) -> list[GatewayAccess]:
    """How the gateway comes into each zone: the broker that ironmote has written, and those that the owner names.

    Who names a zone of the written broker comes into it as that says, and not twice.
    """
    try:
        found = Written.read(folder).accesses
    except BrokerError:
        if not told.zones:
            raise
        found = []
    named = {access.zone for access in told.zones}
    return [told.named(access) for access in (*(each for each in found if each.zone not in named), *told.zones)]
