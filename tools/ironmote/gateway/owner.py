"""What the owner of a fleet asks of its gateway: see, command, revoke. In the gateway's own process, or over a socket.

`LiveOwner` is the first, `owner_line.OwnerLine` the second, and both are an `Owner`: who shows a fleet to people needs
no key, and need not know which of them it has.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..errors import IronmoteError
from ..plain import plain
from .event_lines import EventLines, Line
from .events import CommandEnded, Event, Value
from .gateway import Gateway
from .hub import Hub
from .overview import Overview
from .roster import Entry, Roster

_MARGIN_S = 15.0  # after a command's deadline, until its outcome must have been told

_LOOK_S = 1.0


class Owner(Protocol):
    """A gateway as its owner has it. All methods raise IronmoteError, of one line; any thread may call them."""

    def follow(self, listener: Callable[[Line], None]) -> Callable[[], None]:
        """Have `listener` called with one JSON-able dict an event (OPERATIONS, "The lines of --json"), in order.

        The result ends it. A listener returns at once: the gateway waits for it.
        """

    def overview(self) -> list[dict[str, Any]]:
        """A dict a mote, by id.

        id, board, channel, why, zone, online, seen (seconds since 1970, or None), generation, boot, confirmed, revoked,
        certificate_ends, state (what its status says), latest {name: {value, unit, time}}, refused (messages),
        actuators (as the mote's settings have them).
        """

    def send(self, mote: str, name: str, value: Value, within_s: float = 20.0, for_s: int | None = None) -> Line:
        """Send a command, wait for its outcome, and give its line, {"event": "command", …}."""

    def wire(self, mote: str) -> list[dict[str, Any]]:
        """The last messages that verified of `mote`, and those to it, as they went over its link, newest last.

        direction ("up" or "down"), zone, transport ("tcp" or "tls"), topic, payload (hex), arrived, record ([boot,
        number] of the record inside, or None).
        """

    def revoke(self, mote: str) -> None:
        """Have this gateway believe nothing of `mote` from here on. Its broker and the key store: ironmote revoke."""

    def rotate(self, mote: str) -> None:
        """Have the gateway hand `mote` the root key that the roster has for it, again where it was refused before.

        "rotated" or "kept" is the event that ends that. Who makes the key is ironmote rotate, with the key store.
        """

    def refresh(self) -> None:
        """Have the gateway serve the fleet as its roster is now, and return when it does."""

    def ask(self, do: str, **what: Any) -> Any:
        """What a part of the gateway answers, such as its alerts: whatever was offered to `LiveOwner` as `do`.

        Arguments and answer are JSON-able. Raises IronmoteError where no part of this gateway does that.
        """


class LiveOwner:
    """The Owner in the gateway's own process. Its `take` has to be among what the gateway's events are told to."""

    def __init__(self, gateway: Gateway, roster: Roster, refresh: Callable[[], None] = lambda: None) -> None:
        """`refresh` has the gateway serve the roster as it is now; `admit` tells this one of it."""
        self._gateway = gateway
        self._refresh = refresh
        self.known = Overview(roster.entries.values())
        self._lines = EventLines(self.known.told, self.known.latest)
        self._followers: Hub[Line] = Hub()
        self._offers: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()
        self._waiting: dict[bytes, list[Event]] = {}
        self._ended = threading.Condition(self._lock)

    def take(self, event: Event) -> None:
        """Note an event, and tell those who follow. On the gateway's worker."""
        self.known.take(event)
        if isinstance(event, CommandEnded):
            with self._ended:
                if event.id in self._waiting:
                    self._waiting[event.id].append(event)
                    self._ended.notify_all()
        if self._followers.heard:
            for line in self._lines.of(event):
                self._followers(line)

    def tell(self, line: Line) -> None:
        """Tell those who follow of something that is no event of the gateway, such as an alert."""
        self._followers(line)

    def admit(self, entries: Iterable[Entry]) -> None:
        """These are the motes from here on."""
        self.known.admit(entries)

    def offer(self, do: str, work: Callable[..., Any]) -> None:
        """Answer `ask(do, …)` by what `work` gives; any thread calls it."""
        self._offers[do] = work

    def ask(self, do: str, **what: Any) -> Any:
        """See Owner."""
        work = self._offers.get(do)
        if work is None:
            raise IronmoteError(f"this gateway does not do {plain(do)}; it may be switched off, or of another version")
        return work(**what)

    def follow(self, listener: Callable[[Line], None]) -> Callable[[], None]:
        """See Owner."""
        return self._followers.add(listener)

    def overview(self) -> list[dict[str, Any]]:
        """See Owner."""
        return self.known.to_json()

    def send(
        self,
        mote: str,
        name: str,
        value: Value,
        within_s: float = 20.0,
        for_s: int | None = None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Line:
        """See Owner. Nobody waits any more once `given_up` says so; the command stays sent."""
        until = time.monotonic() + within_s + _MARGIN_S
        with self._ended:  # before its end can be told
            order = self._gateway.send(mote, name, value, within_s, for_s)
            told = self._waiting[order] = []
            try:
                while not self._ended.wait_for(lambda: told, _LOOK_S):
                    self._gateway.check(zones=False)
                    if given_up() or time.monotonic() > until:
                        raise IronmoteError(f"the gateway says nothing of the command to {mote}")
            finally:
                del self._waiting[order]
        return self._lines.of(told[0])[0]

    def wire(self, mote: str) -> list[dict[str, Any]]:
        """See Owner."""
        return [each.to_json() for each in self._gateway.seen_on_wire(mote)]

    def revoke(self, mote: str) -> None:
        """See Owner."""
        self._gateway.revoke(mote)

    def rotate(self, mote: str) -> None:
        """See Owner."""
        entry = self.known.entry(mote)
        if entry is None or entry.member.successor is None:
            raise IronmoteError(f"no other root key was made for {mote}; ironmote rotate {mote} does it")
        self._gateway.rotate(mote, entry.member.successor)

    def refresh(self) -> None:
        """See Owner."""
        self._refresh()
