"""Records of a batch: they wait until the batch is through, and are stored together, in few statements."""

from dataclasses import dataclass, field

from mote import record

from . import reasons
from .database import StoreError
from .events import Event, RecordSeen, RecordsSkipped
from .losses import MOST_LOST
from .store import Store
from .stored_records import NewRecord
from .uplink import Message, NotBelieved, Verified

_REMEMBERED = 4096  # boots whose highest number is known without asking


@dataclass(slots=True)
class Waiting:
    """A record that has verified, zone and size of its message, and the place that its events have in the batch."""

    new: NewRecord
    zone: str
    size: int
    place: list[Event]
    skipped: int | None = None  # the highest number before it, where so many are missing that none counts as lost


@dataclass(frozen=True)
class Failed:
    """A record that was not stored."""

    waiting: Waiting
    error: Exception = field(repr=False)


class RecordBatch:
    """Stores records. Everything here runs on the gateway's worker, in the store's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Waiting] = []
        self._highest: dict[tuple[str, int, int], int] = {}

    def begin(self) -> None:
        """Forget what an earlier batch left behind, whose transaction was not done."""
        if self._waiting:
            self._waiting.clear()
            self._highest.clear()

    def add(
        self, message: Message, arrived: float, verified: Verified, content: record.Record, confirmed: bool
    ) -> list[Event]:
        """Let a record wait; gives the list that its events will be put into."""
        member = verified.member
        sealed = verified.sequence is not None
        new = NewRecord(
            member.id,
            content.identity,
            content.base_time,
            arrived,
            member.channel,
            verified.sequence,
            verified.boot if sealed else None,
            tuple(content.readings),
            confirmed,
        )
        skipped = self._skipped(member.id, *content.identity)
        waiting = Waiting(new, message.zone, len(message.payload), [], skipped)
        self._waiting.append(waiting)
        return waiting.place

    def store(self) -> list[Failed]:
        """Store what waits, and put its events where they belong; gives those that were refused or cannot be stored.

        Raises StoreError.
        """
        waiting, failed = self._waiting, []
        if not waiting:
            return []
        self._waiting = []
        try:
            with self._store.savepoint():
                stored = self._store.records.add([each.new for each in waiting])
        except StoreError:
            raise
        except Exception:  # one of them cannot be stored, and harms no other
            stored = None
        for index, each in enumerate(waiting):
            try:
                if stored is None:
                    with self._store.savepoint():
                        new = self._store.records.add([each.new])[0]
                else:
                    new = stored[index]
                self._tell(each, new)
            except StoreError:
                raise
            except Exception as error:
                failed.append(Failed(each, error))
        return failed

    def _tell(self, each: Waiting, new: bool) -> None:
        mote, (generation, boot, number), taken, arrived, channel, sequence, epoch, readings, confirmed = each.new
        if not new:
            if self._store.records.has(mote, each.new.identity, readings):
                return
            # Sealed, a counter that went back is refused before; inside TLS this is the only sign of it.
            words = (
                f"record {number} of boot {boot} is there with other readings: this mote was copied, or its boot "
                "counter went back; provision it again"
            )
            raise NotBelieved(mote, words, True, reasons.CONFLICT)
        if each.skipped is not None:
            each.place.append(RecordsSkipped(mote, boot, each.skipped, number))
        each.place.append(
            RecordSeen(
                mote,
                channel,
                boot,
                number,
                taken,
                arrived,
                readings,
                confirmed,
                generation,
                each.zone,
                sequence,
                epoch,
                each.size,
            )
        )

    def _skipped(self, mote: str, generation: int, boot: int, number: int) -> int | None:
        """The highest number of this boot before `number`, where more are missing between them than count as lost."""
        if number - 1 <= MOST_LOST:
            return None
        whose = mote, generation, boot
        before = self._highest.get(whose, 0)
        if number - before - 1 > MOST_LOST:
            before = max(before, self._store.records.highest(*whose))
        if len(self._highest) >= _REMEMBERED:
            self._highest.clear()
        self._highest[whose] = max(before, number)
        return before if number - before - 1 > MOST_LOST else None
