"""A mote's records: each is numbered and packed when it is taken, waits, and is made when its turn comes."""

import gc

from mote import link, log, parcel, record, uptime
from mote.backlog import Backlog
from mote.outbox import Outbox

_BACKLOG = "/backlog"


class Records:
    """Takes readings; `outbox` is what the link sends from, `ledger` has counted them.

    `kept` is the identity of the newest record that an earlier start has left in flash, or None.
    """

    def __init__(self, settings, ledger, clock, protection):
        self.ledger = ledger
        self._clock = clock
        self._protection = protection
        backlog = None
        if settings.backlog:
            backlog = Backlog(_BACKLOG, settings.backlog, settings.fleet + settings.mote.encode(), log.warn)
        self.kept = backlog.last() if backlog else None
        newest = settings.drop == "newest"
        keep_ms = settings.keep_s * 1000
        topic = protection.topic("up")
        self.outbox = Outbox(
            settings.outbox, link.WINDOW, link.PAYLOAD, topic, self._make, backlog, newest, keep_ms, log.warn
        )

    def take(self, readings):
        """Give `readings` their identity and queue them as one record; what there is no memory for is counted."""
        identity = self.ledger.next()
        log.debug("record", record.identity(*identity))
        try:
            ms = uptime.ms()
            self.outbox.take(parcel.pack(identity, self._clock.now(), ms, readings), ms)
        except MemoryError:
            self.outbox.missed(identity, "no memory")

    def tick(self):
        """Put what has waited for long into flash; call it every second or so."""
        try:
            self.outbox.tick(uptime.ms())
        except MemoryError:
            gc.collect()  # it waits where it is, and is tried again

    def save(self):
        """Put the records in memory into flash, before a reset that is planned or deep sleep; never raises."""
        try:
            self.outbox.save()
        except Exception as error:
            log.error("outbox", "not saved:", repr(error))

    def _make(self, data, since):
        """Return the payload of the record in the parcel `data`; `since` says that it is of this start."""
        taken = parcel.taken(data, self._clock.now(), uptime.ms() if since else None)
        return self._protection.up(taken, record.identity(*parcel.identity(data)), parcel.readings(data))
