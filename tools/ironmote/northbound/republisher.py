"""Says for sealed motes what was verified of them, under mote/<id>/ of the trusted side.

Records come from the store's outbox, and leave it once each broker has acknowledged them: at least once, therefore,
with their identity. States are retained, so the newest is there for whoever comes; answers are for who waits for them.
"""

import logging
import time
from collections import deque
from typing import Protocol

from ..gateway.events import CommandEnded, Event, StateSeen
from ..gateway.outbox import Outbox, Unpublished
from . import messages

_MOST = 256  # records on their way to the brokers
_log = logging.getLogger(__name__)


class Sent(Protocol):
    """A message that was given to the brokers."""

    @property
    def done(self) -> bool:
        """True where they have acknowledged it."""


class Speaker(Protocol):
    """The gateway, as far as it speaks here: `republish` raises KeyError where the mote is not sealed."""

    def republish(self, mote: str, leaf: str, payload: bytes, retain: bool = False) -> Sent:
        """Send at QoS 1."""


class Republisher:
    """The gateway's outlet. Its `event` has to be among what the gateway's events are told to."""

    def __init__(self) -> None:
        self._speaker: Speaker | None = None
        self._under_way: deque[tuple[int, Sent | None]] = deque()  # the store's id; None: there is nobody to tell

    def begin(self, speaker: Speaker) -> None:
        """Speak by `speaker`, before the gateway is started."""
        self._speaker = speaker

    def turn(self, outbox: Outbox) -> None:
        """See gateway.outlet.Outlet."""
        self._settle(outbox)
        room = _MOST - len(self._under_way)
        if self._speaker is None or room <= 0:
            return
        for record in outbox.take(room):
            self._under_way.append((record.id, self._republish(self._speaker, record)))
        self._settle(outbox)

    def event(self, event: Event) -> None:
        """Say a state, or the outcome of a command."""
        if self._speaker is None:
            return
        try:
            if isinstance(event, StateSeen):
                self._speaker.republish(event.mote, "state", messages.of_state(event, time.time()), retain=True)
            elif isinstance(event, CommandEnded):
                self._speaker.republish(event.mote, "ack", messages.of_answer(event, time.time()))
        except KeyError:
            pass  # inside TLS it speaks for itself, or it was removed

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

    def _settle(self, outbox: Outbox) -> None:
        """Take out of the outbox what was acknowledged, in its order."""
        done = []
        for number, sent in self._under_way:
            if sent is not None and not sent.done:
                break
            done.append(number)
        if done:
            outbox.done(done)
            for _ in done:
                self._under_way.popleft()
