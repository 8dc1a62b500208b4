"""What the sensors say: nothing that a record cannot hold, and no more than fits into a packet."""

import asyncio
from collections import namedtuple

from mote import protect, record, sampler, sealed
from mote.sensors import SensorError

Spec = namedtuple("Spec", "kind names")
FITS = 1400  # what the link takes


class Driver:
    """A sensor that says, or raises, what the test wants."""

    def __init__(self, said):
        self.said = said

    async def read(self):
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def sensor(kind, said):
    return Spec(kind, {"temperature": kind}), Driver(said)


def names(readings):
    return [reading.name for reading in readings]


def test_reading_that_no_record_can_hold_is_missing_and_the_others_are_there():
    good = sensor("good", [("temperature", 21.5)])
    inf = float("inf")
    for value in (inf, -inf, inf - inf, 1e30, 1 << 60, None, "21", b"21", []):
        one = sampler.Sampler([sensor("bad", [("temperature", value)]), good])
        assert names(asyncio.run(one.read())) == ["good"]
        assert one.missing == ("bad",)


def test_sensor_that_fails_is_missing_until_it_answers():
    bad = sensor("bad", OSError(5))
    one = sampler.Sampler([bad, sensor("other", SensorError("another part"))])
    assert asyncio.run(one.read()) == []
    assert one.missing == ("bad", "other")
    bad[1].said = [("temperature", 1)]
    assert names(asyncio.run(one.read())) == ["bad"]
    assert one.missing == ("other",)


def test_every_pack_fits_into_a_packet_in_both_forms_and_none_is_lost():
    readings = [
        record.Reading("%02d-a-name-of-thirty-two-letters-" % i, "Cel", -1.2345678e-12, None) for i in range(48)
    ]
    packs = list(sampler.packs(readings))
    assert [reading for pack in packs for reading in pack] == readings
    id_of_23 = "a" * 23
    epoch = sealed.make_epoch(255, 0xFFFFFFFF, bytes(8))
    seals = protect.Sealed(id_of_23, "clear", bytes(16), bytes(32), epoch, 7, True, 1000)
    identity = record.identity(255, 0xFFFFFFFF, 0xFFFFFFFF)
    for pack in packs:
        assert all(len(reading.name) == 32 for reading in pack)
        assert len(seals.up(2000000000, identity, pack)) <= FITS
        assert len(protect.InTls(id_of_23, None, 1).up(2000000000, identity, pack)) <= FITS
