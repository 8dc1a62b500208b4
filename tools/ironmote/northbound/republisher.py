"""Says for sealed motes what was verified of them, under mote/<id>/ of the trusted side.

Records come from the store's outbox, and leave it once each broker has acknowledged them: at least once, therefore,
with their identity. States are retained, so the newest is there for whoever comes; answers are for who waits for them.
"""

import contextlib
import logging
import time
from collections import deque
from typing import Protocol

from ..gateway.events import CommandEnded, Event, MoteRevoked, StateSeen
from ..gateway.outbox import Outbox, Unpublished
from . import messages
from .newest import Newest, Sent

_MOST = 1024  # records on their way to the brokers
_AT_ONCE, _WITHIN_S = 512, 1.0  # how many of them leave the outbox together, and after how long any do
_log = logging.getLogger(__name__)


class Speaker(Protocol):
    """The gateway, as far as it speaks here: `republish` raises KeyError where the mote is not sealed."""

    def republish(self, mote: str, leaf: str, payload: bytes, retain: bool = False) -> Sent:
        """Send at QoS 1."""


class Republisher:
    """The gateway's outlet. Its `event` has to be among what the gateway's events are told to."""

    def __init__(self) -> None:
        self._speaker: Speaker | None = None
        self._under_way: deque[tuple[int, Sent | None]] = deque()  # the store's id; None: there is nobody to tell
        self._done: list[int] = []  # acknowledged, and still in the outbox
        self._told = 0.0  # monotonic seconds
        self._states = Newest(self._say_state)

    def begin(self, speaker: Speaker) -> None:
        """Speak by `speaker`, before the gateway is started."""
        self._speaker = speaker

    def turn(self, outbox: Outbox, last: bool) -> None:
        """See gateway.outlet.Outlet."""
        while self._under_way and ((sent := self._under_way[0][1]) is None or sent.done):
            self._done.append(self._under_way.popleft()[0])
        self._states.turn()
        # Each time costs a write to the disk; what a killed gateway did not get to is said twice.
        if self._done and (last or len(self._done) >= _AT_ONCE or time.monotonic() - self._told >= _WITHIN_S):
            outbox.done(self._done)
            self._done, self._told = [], time.monotonic()
        room = _MOST - len(self._under_way)
        if last or self._speaker is None or room < _MOST // 2:
            return
        for record in outbox.take(room):
            self._under_way.append((record.id, self._republish(self._speaker, record)))

    def event(self, event: Event) -> None:
        """Say a state, or the outcome of a command."""
        if isinstance(event, StateSeen):
            self._states.say(event.mote, messages.of_state(event, time.time()))
        elif isinstance(event, MoteRevoked):
            self._states.say(event.mote, messages.of_revoked(time.time()))
        elif isinstance(event, CommandEnded) and self._speaker is not None:
            with contextlib.suppress(KeyError):
                self._speaker.republish(event.mote, "ack", messages.of_answer(event, time.time()))

    def _say_state(self, mote: str, payload: bytes) -> Sent | None:
        with contextlib.suppress(KeyError):  # inside TLS it speaks for itself, or it was removed
            return None if self._speaker is None else self._speaker.republish(mote, "state", payload, retain=True)
        return None

    def _republish(self, speaker: Speaker, record: Unpublished) -> Sent | None:
        if record.sequence is None:
            return None  # it came inside TLS, where every consumer has heard it
        try:
            return speaker.republish(record.mote, "up", messages.of_record(record))
        except KeyError:
            return None  # the mote was removed since
        except (ValueError, TypeError, IndexError):  # a mistake of ours must not stop those that follow
            _log.exception("record %s.%s of %s cannot be said", record.boot, record.number, record.mote)
            return None
