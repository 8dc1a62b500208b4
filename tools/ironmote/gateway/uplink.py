"""From a message of a broker to what it says: verified, opened and checked, or refused. No I/O, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from mote import command, record, sealed, topics

from ..roles import UPWARD
from . import reasons, state
from .marks import Marks
from .members import Member
from .plain_record import PlainRecords
from .sharing import Sharing
from .state import State
from .trust import Alarming, MoteTrust, Opened

Content: TypeAlias = record.Record | State | command.Answer


class Message(NamedTuple):
    """What a broker delivered. `prefix` is that of the zone it came from; `redelivered` is the broker's DUP flag.

    `exclusive` says that no other gateway is given a copy, as in a queue group.
    """

    zone: str
    prefix: str
    topic: str
    payload: bytes
    retained: bool = False
    redelivered: bool = False
    exclusive: bool = False


class Verified(NamedTuple):
    """Something a mote really said. `sequence` is None where TLS protects it; a will is a State."""

    member: Member
    content: Content
    boot: int | None
    sequence: int | None
    current: bool  # from the newest boot; what is older is stored, but changes nothing that is shown


REVOKED = "this mote was revoked; provision it again before it is believed"


class NotBelieved(Exception):
    """The message is refused. `mote` is a known id that its topic claims, or None; see events.MessageRefused."""

    def __init__(self, mote: str | None, why: str, alert: bool = False, kind: str = reasons.FORGED) -> None:
        super().__init__(why)
        self.mote = mote
        self.why = why
        self.alert = alert
        self.kind = kind


class AlreadyTaken(Exception):
    """The broker says that it delivers again what was taken before: nothing new. `mote` is whose message it is.

    A broker can say so of any replay; that is why these are counted. Where it was taken `elsewhere`, this is only our
    copy of what another gateway with the same store has taken.
    """

    def __init__(self, mote: str, elsewhere: bool = False) -> None:
        super().__init__(mote)
        self.mote = mote
        self.elsewhere = elsewhere


class Republished(Exception):
    """A gateway of this fleet has said it: what it had verified, for the consumers of the trusted side."""


class Uplink:
    """Verifies messages of the given members."""

    def __init__(
        self,
        members: Iterable[Member],
        trusts: Mapping[str, MoteTrust],
        zones: Iterable[tuple[str, str]] = (),
        sharing: Sharing | None = None,
    ) -> None:
        """`trusts` holds a MoteTrust for each sealed member, by id; `zones` are (zone, prefix) of each connection."""
        self._sharing = sharing
        self._members = {member.id: member for member in members}
        self._trusts = trusts
        self._zones = frozenset(zones)
        self._revoked: dict[str, str] = {}
        self._records = PlainRecords()
        self.marks = Marks(self._members.values())

    def admit(self, member: Member) -> None:
        """Believe `member` from here on, as it is now; its trust is in `trusts` where it is sealed."""
        self._members[member.id] = member
        self._revoked.pop(member.id, None)
        self.marks.add(member)

    def dismiss(self, mote: str) -> None:
        """Know nothing of `mote` any more."""
        self._members.pop(mote, None)
        self._revoked.pop(mote, None)
        self.marks.forget(mote)

    def knows(self, mote: str) -> bool:
        """True where `mote` is a member. For any thread."""
        return mote in self._members

    def refuses(self, mote: str) -> bool:
        """True where nothing of `mote` is believed."""
        return mote in self._revoked

    def revoke(self, mote: str, why: str = REVOKED) -> None:
        """Believe nothing of `mote` any more; `why` is what its messages are refused with."""
        self._revoked[mote] = why

    def take(self, message: Message) -> Verified:
        """What `message` says. Raises NotBelieved, AlreadyTaken, Republished."""
        member, leaf = self._address(message)
        try:
            if member.seal_key is None:
                return _as_pinned(_from_json(member, leaf, message.payload))
            return _as_pinned(self._from_sealed(member, leaf, message))
        except Alarming as error:
            raise NotBelieved(member.id, str(error), True, error.kind) from error
        except sealed.Refused as error:
            kind = reasons.REPLAY if isinstance(error, sealed.Replayed) else reasons.FORGED
            if leaf == "state" and _is_will(message.payload):
                kind = reasons.FORGED_WILL
            raise NotBelieved(member.id, str(error), kind=kind) from error
        except (record.RecordError, command.CommandError, state.StateError, RecursionError) as error:
            raise NotBelieved(member.id, f"malformed {leaf}: {error}", True, reasons.MALFORMED) from error

    def _address(self, message: Message) -> tuple[Member, str]:
        """Whose message this claims to be; refuses what cannot be right before looking inside."""
        parts = message.topic.split("/")
        member = self._members.get(parts[1]) if len(parts) == 3 and parts[0] == message.prefix else None
        if member is not None and parts[2] in UPWARD:  # what it is nearly always; each part is known to be right
            prefix, mote_id, leaf = parts
        else:
            try:
                prefix, mote_id, leaf = topics.split(message.topic)
            except topics.TopicError as error:
                raise NotBelieved(None, f"a topic that is none of ours: {error}", kind=reasons.STRAY) from error
            member = self._members.get(mote_id)
        if member is None:
            if message.retained:  # the last status of one that was removed; nobody is there
                raise NotBelieved(None, "kept by the broker of a mote that is not in the fleet", kind=reasons.STRAY)
            raise NotBelieved(None, "from a mote that is not in the fleet", kind=reasons.UNKNOWN)
        if member.seal_key is not None and prefix == message.prefix == topics.OPEN:
            if self.marks.has(mote_id, message.topic, message.payload):
                raise Republished
            if message.retained:
                raise NotBelieved(
                    mote_id, f"{leaf} was retained by the broker under keys that are gone", kind=reasons.STRAY
                )
        if mote_id in self._revoked:
            raise NotBelieved(mote_id, self._revoked[mote_id], kind=reasons.REVOKED)
        if prefix != message.prefix or leaf not in UPWARD:
            raise NotBelieved(member.id, "on a topic that no mote publishes in this zone", kind=reasons.STRAY)
        # Where a zone has a connection of its own for this prefix, its motes are heard there and nowhere else.
        elsewhere = message.zone != member.zone and (member.zone, prefix) in self._zones
        if prefix != member.prefix or elsewhere:
            words = f"came on a lesser channel than {member.channel}, which this mote's profile demands"
            raise NotBelieved(member.id, words, True, reasons.LESSER)
        if message.retained and (prefix == "sealed" or leaf != "state"):
            words = f"{leaf} was retained by the broker; only fresh ones count"
            raise NotBelieved(member.id, words, kind=reasons.REPLAY)
        return member, leaf

    def _from_sealed(self, member: Member, leaf: str, message: Message) -> Verified:
        try:
            opened = self._trusts[member.id].open(leaf, message.payload)
        except sealed.Replayed:
            if message.redelivered:
                raise AlreadyTaken(member.id) from None
            if self._sharing is None or message.exclusive:
                raise
            if not self._sharing.took_elsewhere(member.id, leaf, message.payload):
                raise
            raise AlreadyTaken(member.id, elsewhere=True) from None
        if self._sharing is not None:
            self._sharing.here(member.id, message.payload)
        content: Content
        if leaf == "up":
            plain = self._records.read(opened.plaintext, member.id)
            content = _of_this_mote(plain or record.unpack_cbor(opened.plaintext, member.id), member, opened)
        elif leaf == "ack":
            content = command.decode_answer_cbor(opened.plaintext)
        else:
            content = state.decode_cbor(opened.plaintext)
            if content.online is opened.is_will or (opened.is_will and content.connection != opened.sequence):
                raise state.StateError("a will and a status have changed places")
            if content.boot != opened.boot:
                raise state.StateError("from another boot than its seal")
        return Verified(member, content, opened.boot, opened.sequence, opened.newest)


def _as_pinned(verified: Verified) -> Verified:
    """A mote says which channel it is on; another one than it was given is for the owner to look into.

    What is handed on is the channel that the fleet says, whether the mote has said it or not.
    """
    said, member = verified.content, verified.member
    if not isinstance(said, State):
        return verified
    if said.channel not in ("", member.channel):
        words = f"says that its channel is {said.channel}, and its profile demands {member.channel}"
        raise NotBelieved(member.id, words, True, reasons.OTHER_CHANNEL)
    return verified._replace(content=replace(said, channel=member.channel))


def _is_will(payload: bytes) -> bool:
    """True where a message that was refused says that it is a will."""
    try:
        said: bytes = sealed.parse(payload, sealed.MAX_UP).kid
    except sealed.Refused:
        return False
    return said == sealed.WILL


def _of_this_mote(content: record.Record, member: Member, opened: Opened | None) -> record.Record:
    """A record keeps the identity it was taken under; it cannot come from a later boot than the one that sealed it."""
    generation, boot, number = content.identity
    if number == 0:  # they count from 1; it would make up for one that was lost
        raise record.RecordError("a record with number 0")
    # A record that waited in flash may be of an earlier generation, whose boots were counted by themselves.
    if generation > (member.generation if opened is None else opened.generation) or (
        opened is not None and generation == opened.generation and boot > opened.boot
    ):
        raise record.RecordError("a record from the future")
    return content


def _from_json(member: Member, leaf: str, payload: bytes) -> Verified:
    if len(payload) > sealed.MAX_UP:
        raise record.RecordError("too long")
    if leaf == "up":
        pack = _of_this_mote(record.unpack_json(payload, member.id), member, None)
        return Verified(member, pack, pack.identity[1], None, True)
    if leaf == "ack":
        return Verified(member, command.decode_answer_json(payload), None, None, True)
    status = state.decode_json(payload)
    return Verified(member, status, status.boot, None, True)
