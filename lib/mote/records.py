"""A mote's records: each is numbered and packed when it is taken, waits, and is made when its turn comes."""

import gc

from mote import backlog, link, log, nap, parcel, record, uptime
from mote.outbox import Outbox


class Records:
    """Takes readings; `outbox` is what the link sends from, `ledger` has counted them.

    `kept` is the identity of the newest record that an earlier start has left in flash, or None. `memory` is the
    rtc.Memory, `chip` the number of the chip.
    """

    def __init__(self, settings, ledger, clock, protection, memory, chip):
        self.ledger = ledger
        self._memory = memory
        self._key = chip + backlog.owner(settings)
        self._newest = settings.drop == "newest"
        self._asleep = False
        self._clock = clock
        self._protection = protection
        flash = backlog.of(settings)
        self.kept = flash.last() if flash else None
        keep_ms = settings.keep_s * 1000
        topic = protection.topic("up")
        self.outbox = Outbox(
            settings.outbox, link.WINDOW, link.PAYLOAD, topic, self._make, flash, self._newest, keep_ms, log.warn
        )

    def resume(self, asleep, taken):
        """Queue what waits in RTC memory, and the parcels `taken` in this waking.

        `asleep` is what nap.wake said; None: the mote was reset since, and what waits there outlived it. It is left
        there until it is sent or in flash: what comes twice is stored once.
        """
        block = self._memory.batch()
        if block:
            from mote import batch

            ms = nap.fell_asleep_ms(asleep) if asleep else None
            taken = batch.unpack(block, ms, self._key) + taken
        if asleep:
            self.outbox.resume(asleep.dropped)
        for data in taken:
            self.outbox.take(data, uptime.ms())
        if not asleep and block:
            self.save()

    def sleep(self, asleep):
        """Sleep deeply; what waits is kept in RTC memory where it has room for it, else in flash. Does not return."""
        self._asleep = True
        waiting = self.outbox.rest()
        nap.sleep(asleep, waiting, self._clock.now(), self._key, self._newest, self._spill)

    def _spill(self, _):
        self._put_into_flash()
        return self.outbox.rest()

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
        """Put the records in memory into flash, before a reset that is planned; never raises."""
        if not self._asleep:  # then they are in RTC memory; a simulated board comes by here on its way out
            self._put_into_flash()

    def _put_into_flash(self):
        try:
            if not self.outbox.save():
                self._memory.forget_batch()
        except Exception as error:
            log.error("outbox", "not saved:", repr(error))

    def _make(self, data, since):
        """Return the payload of the record in the parcel `data`; `since` says that it is of this start."""
        taken = parcel.taken(data, self._clock.now(), uptime.ms() if since else None)
        return self._protection.up(taken, record.identity(*parcel.identity(data)), parcel.readings(data))
