"""Commands, rules, a link that comes and goes and parts that fail, in any order: the limits of an actuator hold."""

from mote import command, orders
from mote.record import Reading
from seeded import Source
from test_held import Bench

TURN_MS = 100
DECIDE_MS = 1000
LONGEST_S = 7
INTERVAL_MS = 1500
STALE_S = 4


class Heat:
    """A thermostat of the settings, for the lamp."""

    kind = "thermostat"
    actuator = "lamp"
    sensor = "air"
    target = 21
    hysteresis = 1
    cool = None
    stale_s = STALE_S
    override_s = 3


class Site:
    """One part and what acts on it; `on_ms` is since when it is on, `known_ms` when the sensor last spoke."""

    def __init__(self, random, ruled, **limits):
        self.random = random
        self.bench = Bench(**limits)
        self.held = self.bench.held
        self.rules = [Heat()] if ruled else []
        self.orders = orders.Orders([self.held], self.rules, 1000, lambda *_: None)
        self.on_ms = self.lost_ms = self.known_ms = None
        self.decided_ms = self.switched_ms = self.bench.now
        self.number = 0

    def turn(self):
        """A tenth of a second, in which anything may happen; the program may be late by seconds."""
        late = self.random.below(60) == 0
        self.bench.now += TURN_MS + (self.random.below(6000) if late else 0)
        now = self.bench.now
        for _ in range(self.random.below(3) if self.random.below(4) == 0 else 0):
            self.command(now)
        if now - self.decided_ms >= DECIDE_MS:
            self.decided_ms = now
            readings = []
            if self.random.below(3):
                self.known_ms = now
                readings.append(Reading("air", "Cel", 15 + self.random.below(12), None))
            self.orders.tick(readings, now, None)
            self.look_at_the_rule(now)
        if self.random.below(80) == 0:
            self.held.lost = not self.held.lost
        if self.random.below(40) == 0:
            self.bench.part.stuck = not self.bench.part.stuck
        self.held.tick(now)
        self.look(now)

    def command(self, now):
        self.number += 1
        value = (0, 40, 100, "auto")[self.random.below(4)]
        for_s = (None, None, 1, 2, 5)[self.random.below(5)] if value != "auto" else None
        name = self.number.to_bytes(8, "big")
        before = self.bench.part.at
        answer = self.orders.obey(command.Command(name, "lamp", value, None, None, for_s), now)
        assert answer.value == self.bench.part.at
        if value in (40, 100) and answer.result == command.DONE:
            assert not self.held.lost
            if value != before:
                self.switched(now)

    def switched(self, now):
        assert now - self.switched_ms >= self.held._interval_ms, "too soon"

    def look_at_the_rule(self, now):
        silent = self.known_ms is None or now - self.known_ms > STALE_S * 1000
        if self.rules and silent and "lamp" not in self.orders.held:
            assert self.bench.part.at == 0, "its rule knows nothing"

    def look(self, now):
        at = self.bench.part.at
        if self.held.lost or not at:
            assert not at, "the link is lost"
            self.on_ms = None
        elif self.on_ms is None:
            self.on_ms = now
        if at and self.held._longest_ms:
            assert now - self.on_ms < self.held._longest_ms, "on for too long"
        if not self.rules and self.orders.held and now - max(self.orders.held.values()) > DECIDE_MS + TURN_MS:
            assert not at, "its time is over"


def test_limits_hold_whatever_comes():
    for seed in range(12):
        random = Source(seed * 7919 + 1)
        limits = {"longest_s": LONGEST_S} if seed & 1 else {}
        if seed & 2:
            limits["interval_ms"] = INTERVAL_MS
        site = Site(random, seed % 3, link_ms=1, **limits)
        for _ in range(1500):
            site.turn()
