"""What the gateway believes of one sealed mote. Bytes in, plaintext out: no I/O, no clock.

Nothing here changes before a message has verified, but for counts of what failed: a stranger's bytes cannot move a
window, open an epoch or put a key into the cache. Counters are compared before any key is derived.

A gateway that has just started cannot tell whether its state is the newest or a backup: until the mote has answered a
challenge (`care`) it is not `confirmed`, and what it seems to say may be a recording.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mote import limits, sealed, topics
from mote.replay import Window

from . import reasons
from .members import Successor

EPOCHS_KEPT = 4  # what a broker had queued from an earlier boot still counts
_LOOKS = 64  # messages of counters that went back, opened between two calls of `look_again`


class Alarming(sealed.Refused):
    """Refused, and the owner should look: the text says what to do."""

    kind = reasons.FORGED


class Cloned(Alarming):
    """It verifies, and yet another epoch with the same counter is known: two motes share a key, or one went back."""

    kind = reasons.CLONE


class SetBack(Alarming):
    """It verifies under a counter lower than one already heard: an old recording, or the mote's memory went back."""

    kind = reasons.SET_BACK


class Worn(Alarming):
    """So many forgeries were tried against one key that another should take its place (mote.limits)."""

    kind = reasons.GUESSING


@dataclass(slots=True)
class EpochTrust:
    """One epoch of a mote: which uplinks were taken, the last connection whose will was, how often opening failed."""

    epoch: bytes
    window: Window = field(default_factory=Window)
    will: int = -1
    failed: int = 0

    @property
    def boot(self) -> int:
        """The boot counter."""
        counter: int = sealed.split_epoch(self.epoch)[1]
        return counter


@dataclass(slots=True)
class Opened:
    """A message that verified. `sequence` counts uplinks; in a will it is the number of the connection."""

    plaintext: bytes = field(repr=False)
    generation: int
    boot: int
    sequence: int
    is_will: bool
    newest: bool  # it is from the newest boot that is known


class MoteTrust:
    """Verifies the uplinks of one mote and says which epoch its commands are sealed under.

    `successor` is the key that will follow: the first message that verifies under it retires the one before it.
    """

    __slots__ = (
        "_contexts", "_epochs", "_failed", "_fleet_id", "_looks", "_newest", "_seal_key", "_stored", "confirmed",
        "generation", "mote_id", "retired", "successor",
    )  # fmt: skip

    def __init__(
        self,
        mote_id: str,
        generation: int,
        seal_key: bytes,
        fleet_id: bytes,
        epochs: Iterable[EpochTrust] = (),
        successor: Successor | None = None,
    ) -> None:
        self.mote_id = mote_id
        self.generation = generation
        self.successor = successor
        self.retired = False  # a key was, since whoever keeps this in the store has seen to it
        self.confirmed = False
        self._seal_key = seal_key
        self._fleet_id = fleet_id
        epochs = list(epochs)
        self._epochs = _of_generation(epochs, generation)
        self._newest = _newest(self._epochs)
        self._stored = tuple(each.epoch for each in epochs)
        self._contexts: dict[tuple[bytes, bytes], sealed.Context] = {}
        self._failed = 0  # openings under keys of epochs that were never heard
        self._looks = _LOOKS

    @property
    def newest(self) -> EpochTrust | None:
        """The epoch with the highest counter, or None before anything verified."""
        return self._newest

    @property
    def epochs(self) -> list[EpochTrust]:
        """The epochs that are kept."""
        return list(self._epochs.values())

    def to_store(self) -> tuple[list[EpochTrust], list[bytes]]:
        """The epochs to store, and those to forget that were stored before; call `reload` where that fails."""
        forgotten = [epoch for epoch in self._stored if epoch not in self._epochs]
        self._stored = tuple(self._epochs)
        return self.epochs, forgotten

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
        name = topics.name(self.mote_id, leaf)
        if generation != self.generation:
            trust, plaintext = self._open_succeeding(envelope, generation, boot, name)
        elif envelope.epoch in self._epochs:
            trust = self._epochs[envelope.epoch]
            _check_fresh(trust, envelope.sequence, is_will)
            context = self.context(envelope.kid, envelope.epoch)
            try:
                plaintext = context.open(envelope, name)
            except sealed.Refused:
                trust.failed += 1
                _judge(trust.failed)
                raise
        else:
            trust, plaintext = self._open_new(envelope, boot, name)
        if is_will:
            trust.will = envelope.sequence
        else:
            trust.window.commit(envelope.sequence)
        return Opened(plaintext, generation, boot, envelope.sequence, is_will, trust is self.newest)

    def has(self, generation: int, seal_key: bytes | None) -> bool:
        """True where messages are opened under this key now."""
        return self.generation == generation and self._seal_key == seal_key

    def verify(self, leaf: str, payload: bytes) -> None:
        """Raise sealed.Refused where a message of a known epoch is not the mote's, whether it was taken or not."""
        envelope = sealed.parse(payload, sealed.MAX_UP)
        trust = self._epochs.get(envelope.epoch)
        if trust is None:
            raise sealed.Refused("of an epoch that is not known")
        try:
            self.context(envelope.kid, envelope.epoch).open(envelope, topics.name(self.mote_id, leaf))
        except sealed.Refused:
            trust.failed += 1
            _judge(trust.failed)
            raise

    def look_again(self) -> None:
        """Look into a few more messages whose counter went back; to be called every second, whatever is heard."""
        self._looks = _LOOKS

    def reload(
        self,
        generation: int,
        seal_key: bytes,
        epochs: Iterable[EpochTrust],
        successor: Successor | None,
        confirmed: bool,
        standing: int,
    ) -> None:
        """Believe what was stored, where what was believed since could not be.

        `standing` is the generation under which the mote was heard last, as the store says: no key before it is taken.
        """
        if generation >= standing:
            if not self.has(generation, seal_key):
                self._contexts.clear()
            self.generation, self._seal_key, self.successor = generation, seal_key, successor
        self.confirmed, self.retired = confirmed, False
        epochs = list(epochs)
        self._epochs = _of_generation(epochs, self.generation)
        self._newest = _newest(self._epochs)
        self._stored = tuple(each.epoch for each in epochs)
        self._contexts = {key: context for key, context in self._contexts.items() if key[1] in self._epochs}

    def confirm(self, boot: int, sequence: int) -> None:
        """The mote answered a challenge in message `sequence` of `boot`, which has verified: nothing before it counts.

        Older epochs are forgotten, so their messages are refused, as is whatever was sealed before the answer.
        """
        for epoch, trust in list(self._epochs.items()):
            if trust.boot < boot:
                self._forget(epoch)
            elif trust.boot == boot:
                window = trust.window
                for age in range(max(window.highest - sequence, 0), window.size):
                    window.bits |= 1 << age
        self.confirmed = True

    def context(self, kid: bytes, epoch: bytes) -> sealed.Context:
        """The sealing context of a sender in an epoch that is known; that of a mote, which says much, is kept."""
        context = self._contexts.get((kid, epoch))
        if context is None:
            context = self._derive(kid, epoch)
            if kid[:1] != sealed.DOWNLINK:
                self._contexts[kid, epoch] = context
        return context

    def _derive(self, kid: bytes, epoch: bytes) -> sealed.Context:
        return sealed.Context(self._seal_key, self._fleet_id, kid, epoch, AESCCM)

    def _open_succeeding(
        self, envelope: sealed.Envelope, generation: int, boot: int, name: bytes
    ) -> tuple[EpochTrust, bytes]:
        """Open a message under the successor of the key; if it verifies, the key is retired with all its epochs."""
        successor, newest = self.successor, self.newest
        if successor is None or generation != successor.generation:
            raise sealed.Refused(f"sealed with key generation {generation}; the gateway has {self.generation}")
        if newest is not None and boot <= newest.boot:
            raise sealed.Refused(f"from boot {boot}, and boot {newest.boot} was heard before its key was made")
        context = sealed.Context(successor.seal_key, self._fleet_id, envelope.kid, envelope.epoch, AESCCM)
        plaintext = self._try(context, envelope, name)
        self.generation, self._seal_key, self.successor = generation, successor.seal_key, None
        self.retired = True
        self._epochs.clear()
        self._contexts.clear()
        return self._keep(envelope, context), plaintext

    def _open_new(self, envelope: sealed.Envelope, boot: int, name: bytes) -> tuple[EpochTrust, bytes]:
        """Open the first message of an epoch and keep the epoch, if it verifies and its counter is the highest."""
        twin = any(each.boot == boot for each in self._epochs.values())
        newest = self.newest
        behind = not twin and newest is not None and boot < newest.boot
        if behind and newest is not None:
            words = f"from boot {boot}, which was never heard before boot {newest.boot} was"
            # A limit, so that a flood of these costs little; whatever verifies elsewhere does not count.
            self._looks -= 1
            if self._looks < 0:
                raise sealed.Refused(words)
            self._try(self._derive(envelope.kid, envelope.epoch), envelope, name)
            raise SetBack(
                f"{words}: an old recording, or this mote's memory was set back; if it is not heard any more, "
                "provision it again"
            )
        context = self._derive(envelope.kid, envelope.epoch)
        plaintext = self._try(context, envelope, name)
        if twin:
            raise Cloned(
                f"boot {boot} happened twice: this mote was copied or set back to an earlier state; "
                "find its double, then provision it again"
            )
        return self._keep(envelope, context), plaintext

    def _try(self, context: sealed.Context, envelope: sealed.Envelope, name: bytes) -> bytes:
        """Open a message of an epoch that was never heard; what fails is counted as under one key, however many."""
        try:
            plaintext: bytes = context.open(envelope, name)
        except sealed.Refused:
            self._failed += 1
            _judge(self._failed)
            raise
        return plaintext

    def _keep(self, envelope: sealed.Envelope, context: sealed.Context) -> EpochTrust:
        """Keep the epoch of a message that has verified, and forget the oldest where there are too many."""
        trust = EpochTrust(envelope.epoch)
        self._epochs[trust.epoch] = trust
        self._contexts[envelope.kid, trust.epoch] = context
        while len(self._epochs) > EPOCHS_KEPT:
            self._forget(min(self._epochs.values(), key=lambda each: each.boot).epoch)
        self._newest = _newest(self._epochs)
        return trust

    def _forget(self, epoch: bytes) -> None:
        del self._epochs[epoch]
        self._contexts = {key: context for key, context in self._contexts.items() if key[1] != epoch}
        self._newest = _newest(self._epochs)


def _of_generation(epochs: Iterable[EpochTrust], generation: int) -> dict[bytes, EpochTrust]:
    """Epochs of `generation`: those of another root key say nothing of the boots under this one."""
    return {each.epoch: each for each in epochs if sealed.split_epoch(each.epoch)[0] == generation}


def _newest(epochs: Mapping[bytes, EpochTrust]) -> EpochTrust | None:
    return max(epochs.values(), key=lambda each: each.boot, default=None)


def _judge(failed: int) -> None:
    """Raise Worn each time another FAILURES openings under one key have failed."""
    if failed % limits.FAILURES == 0:
        raise Worn(f"{failed:,} messages that do not verify under one key: someone is guessing; rotate its root key")


def _check_fresh(trust: EpochTrust, sequence: int, is_will: bool) -> None:
    if is_will:
        if sequence <= trust.will:
            raise sealed.Replayed(f"the will of connection {sequence} of boot {trust.boot} was already taken")
    elif not trust.window.check(sequence):
        raise sealed.Replayed(f"message {sequence} of boot {trust.boot} was already taken, or is too old to tell")
