"""What a mote says of itself: whole, within its limits, and at the right moments."""

import gc
import json

from mote import cbor, const, guard, health, log, sensors, trial, uptime
from mote.health import Health

_LIMIT = const(1360)  # of a status: docs/PROTOCOL.md, section 4
COUNTS = 2**48


class Parts:
    """What Health reports of, as far as it looks at it; everything as large as it can be."""

    board = "b" * 16
    outbox = 32
    health_s = 900
    missing = alarms = held = ()
    generation = 255
    down = 2**40 - 1
    dropped = damaged = 0
    record = 2**32 - 1
    kept = (255, 2**32 - 1, 2**32 - 1)
    joins = 2**32
    lost = "WifiError -2147483648"
    failures = (9999,) * 4  # mote.link counts no further
    source = "board"

    def __init__(self):
        self.waiting = 0

    def __len__(self):
        return self.waiting

    def before(self):
        return [[255, 2**32 - 1 - i, 2**32 - 1] for i in range(5)]

    def rssi(self):
        return -100

    def now(self):
        return 4294967295


class Link:
    def __init__(self, parts):
        self.outbox = parts
        self.lost = parts.lost
        self.failures = parts.failures


def made(parts=None):
    parts = Parts() if parts is None else parts  # an empty outbox is false
    found = Health(parts, "tls-psk+sealed", "w" * 200, guard.why(guard.PINS), parts, parts)
    found.watch(parts, parts, parts, Link(parts), parts)
    found.count(parts, parts.kept)
    return found, parts


class Later:
    """Moves the time since start, which Health looks at, ahead by `ms`."""

    def __init__(self, ms):
        self._at = uptime.ms() + ms

    def __enter__(self):
        health.uptime = self

    def __exit__(self, *error):
        health.uptime = uptime

    def ms(self):
        return self._at


def due_after(found, ms):
    with Later(ms):
        return found.due()


def test_largest_status_is_within_its_limit_in_both_forms():
    found, parts = made()
    longest = max(len(kind) for kind in sensors.KINDS)
    parts.missing = tuple("k" * (longest - 1) + chr(97 + i) for i in range(16))
    parts.alarms = tuple("n" * 26 + chr(97 + i) + ":high" for i in range(32))
    parts.held = tuple("n" * 31 + chr(97 + i) + ":failed" for i in range(8))
    parts.dropped = parts.damaged = found.refused = COUNTS
    found.boot = 2**32 - 1
    log.last = "o" * 10 + ": " + "w" * 100
    try:
        status = found.status(2**32 - 1, True)
        assert len(json.dumps(status).encode()) <= _LIMIT, len(json.dumps(status))
        assert len(cbor.encode(status)) <= _LIMIT
        trial.mode, trial.why = trial.BACK, trial.plain('"' * 100)
        status = found.status(2**32 - 1, True)
        assert (status["mode"], len(status["mode_why"])) == ("back", 60)
        assert len(json.dumps(status).encode()) <= _LIMIT, len(json.dumps(status))
    finally:
        log.last = ""
        trial.mode, trial.why = None, ""


def test_will_is_short():
    assert made()[0].status(7, False) == {"online": False, "boot": 0, "connection": 7}


def test_what_there_is_nothing_to_say_of_is_left_out():
    log.last = ""
    parts = Parts()
    parts.down, parts.lost, parts.source, parts.kept = -1, None, None, None
    parts.rssi = lambda: None
    status = made(parts)[0].status(1, True)
    assert not {"alarms", "held", "down", "kept", "rssi", "clock", "lost", "last"} & set(status)
    assert None not in status.values()


def test_kind_of_several_missing_sensors_is_said_once():
    found, parts = made()
    parts.missing = ("bh1750", "bme280", "bh1750", "bh1750")
    assert found.status(1, True)["missing"] == ["bh1750", "bme280"]


def test_low_water_mark_is_the_least_that_was_free():
    found, _ = made()
    before = found.status(1, True)
    held = bytearray(4000)
    found.collect()
    del held
    after = found.status(1, True)
    assert after["low"] <= before["free"] - 4000
    assert after["free"] > after["low"] + 3000


def test_status_is_due_every_period_and_not_before():
    found, parts = made()
    found.status(1, True)
    assert not due_after(found, 899_000)
    assert due_after(found, 901_000)
    parts.health_s = 0
    assert not due_after(found, 86_400_000)


def test_other_missing_sensors_are_told_once_it_was_quiet_for_a_while():
    found, parts = made()
    found.status(1, True)
    parts.missing = ("bh1750",)
    assert not due_after(found, 9_000)
    assert due_after(found, 10_500)
    found.status(1, True)
    assert not due_after(found, 10_500)
    parts.missing = ()
    assert due_after(found, 10_500)


def test_alarm_that_goes_on_or_off_is_told_once_it_was_quiet_for_a_while():
    found, parts = made()
    found.status(1, True)
    parts.alarms = ("air:high",)
    assert not due_after(found, 9_000)
    assert due_after(found, 10_500)
    assert found.status(1, True)["alarms"] == ["air:high"]
    assert not due_after(found, 10_500)
    parts.alarms = ()
    assert due_after(found, 10_500)


def test_counts_that_a_stranger_can_make_grow_are_told_once_a_minute():
    found, parts = made()
    found.status(1, True)
    found.refused = 5
    parts.dropped = 1
    assert not due_after(found, 59_000)
    assert due_after(found, 60_500)
    found.status(1, True)
    assert not due_after(found, 60_500)


def test_memory_that_ran_low_is_told_once():
    found, _ = made()
    found.status(1, True)
    room = gc.mem_free() + gc.mem_alloc()
    found._low = room // 20
    assert due_after(found, 10_500)
    found.status(1, True)
    assert not due_after(found, 10_500)


def test_status_never_pushes_out_a_record():
    found, parts = made()
    found.status(1, True)
    parts.missing = ("bh1750",)
    parts.waiting = 17
    assert not due_after(found, 901_000)
    parts.waiting = 16
    assert due_after(found, 901_000)
