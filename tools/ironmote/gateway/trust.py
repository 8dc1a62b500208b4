"""What the gateway believes of one sealed mote. Bytes in, plaintext out: no I/O, no clock.

Nothing here changes before a message has verified: a stranger's bytes cannot move a window, open an epoch or put
a key into the cache. Counters are compared before any key is derived.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mote import sealed, topics
from mote.replay import Window

EPOCHS_KEPT = 4  # what a broker had queued from an earlier boot still counts


class Cloned(sealed.Refused):
    """It verifies, and yet another epoch with the same counter is known: two motes share a key, or one went back."""


@dataclass
class EpochTrust:
    """One boot of a mote: which uplinks were taken, and the last connection whose will was."""

    epoch: bytes
    window: Window = field(default_factory=Window)
    will: int = -1

    @property
    def boot(self) -> int:
        """The boot counter."""
        counter: int = sealed.split_epoch(self.epoch)[1]
        return counter


@dataclass(frozen=True)
class Opened:
    """A message that verified. `sequence` counts uplinks; in a will it is the number of the connection."""

    plaintext: bytes = field(repr=False)
    boot: int
    sequence: int
    is_will: bool
    newest: bool  # it is from the newest boot that is known


class MoteTrust:
    """Verifies the uplinks of one mote and says which epoch its commands are sealed under."""

    def __init__(
        self, mote_id: str, generation: int, seal_key: bytes, fleet_id: bytes, epochs: Iterable[EpochTrust] = ()
    ) -> None:
        self.mote_id = mote_id
        self._generation = generation
        self._seal_key = seal_key
        self._fleet_id = fleet_id
        self._epochs = {each.epoch: each for each in epochs}
        self._contexts: dict[tuple[bytes, bytes], sealed.Context] = {}

    @property
    def newest(self) -> EpochTrust | None:
        """The epoch with the highest counter, or None before anything verified."""
        return max(self._epochs.values(), key=lambda each: each.boot, default=None)

    @property
    def epochs(self) -> list[EpochTrust]:
        """The epochs that are kept, for storing."""
        return list(self._epochs.values())

    def open(self, leaf: str, payload: bytes) -> Opened:
        """Verify and open a message that came on `leaf` ("up", "ack" or "state").

        Raises sealed.Refused where it does not verify, sealed.Replayed where it was taken before, Cloned where it
        verifies under a second epoch with a known counter.
        """
        envelope = sealed.parse(payload, sealed.MAX_UP)
        is_will = envelope.kid == sealed.WILL
        if envelope.kid != sealed.UPLINK and not (is_will and leaf == "state"):
            raise sealed.Refused("not from a sender that may use this topic")
        generation, boot, _ = sealed.split_epoch(envelope.epoch)
        if generation != self._generation:
            raise sealed.Refused(f"sealed with key generation {generation}; the fleet has {self._generation}")
        name = topics.name(self.mote_id, leaf)
        trust = self._epochs.get(envelope.epoch)
        if trust is None:
            trust, plaintext = self._open_new(envelope, boot, name)
        else:
            _check_fresh(trust, envelope.sequence, is_will)
            plaintext = self.context(envelope.kid, envelope.epoch).open(envelope, name)
        if is_will:
            trust.will = envelope.sequence
        else:
            trust.window.commit(envelope.sequence)
        return Opened(plaintext, boot, envelope.sequence, is_will, trust is self.newest)

    def context(self, kid: bytes, epoch: bytes) -> sealed.Context:
        """The sealing context of a sender in an epoch that is known, derived once."""
        context = self._contexts.get((kid, epoch))
        if context is None:
            context = self._derive(kid, epoch)
            self._contexts[kid, epoch] = context
        return context

    def _derive(self, kid: bytes, epoch: bytes) -> sealed.Context:
        return sealed.Context(self._seal_key, self._fleet_id, kid, epoch, AESCCM)

    def _open_new(self, envelope: sealed.Envelope, boot: int, name: bytes) -> tuple[EpochTrust, bytes]:
        """Open the first message of an epoch and keep the epoch, if it verifies and its counter is the highest."""
        twin = any(each.boot == boot for each in self._epochs.values())
        newest = self.newest
        if not twin and newest is not None and boot < newest.boot:
            raise sealed.Refused(f"from boot {boot}, which was never heard before boot {newest.boot} was")
        context = self._derive(envelope.kid, envelope.epoch)
        plaintext: bytes = context.open(envelope, name)
        if twin:
            raise Cloned(
                f"boot {boot} happened twice: this mote was copied or set back to an earlier state; "
                "find its double, then provision it again"
            )
        trust = EpochTrust(envelope.epoch)
        self._epochs[trust.epoch] = trust
        self._contexts[envelope.kid, trust.epoch] = context
        while len(self._epochs) > EPOCHS_KEPT:
            self._forget(min(self._epochs.values(), key=lambda each: each.boot).epoch)
        return trust, plaintext

    def _forget(self, epoch: bytes) -> None:
        del self._epochs[epoch]
        self._contexts = {key: context for key, context in self._contexts.items() if key[1] != epoch}


def _check_fresh(trust: EpochTrust, sequence: int, is_will: bool) -> None:
    if is_will:
        if sequence <= trust.will:
            raise sealed.Replayed(f"the will of connection {sequence} of boot {trust.boot} was already taken")
    elif not trust.window.check(sequence):
        raise sealed.Replayed(f"message {sequence} of boot {trust.boot} was already taken, or is too old to tell")
