"""An actuator is held to its limits whoever sets it, and nothing puts off a switch to its safe state."""

from harness import raises
from mote.actuators import ActuatorError, held, scale
from mote.actuators.held import Held
from mote.kinds import ACTUATOR
from mote.schema import check

INF = float("inf")
NAN = float("nan")


class Part:
    """A dimmer without hardware: `stuck` does not follow, `broken` raises, `slow` is in motion until it is let."""

    UNIT = "/"
    stuck = broken = slow = None
    hears = False

    def __init__(self):
        self.at = 0
        self.safes = 0

    take = staticmethod(scale.percent)

    def put(self, value):
        if self.broken:
            raise self.broken
        if self.stuck:
            raise ActuatorError("it does not follow")
        self.at = value

    def safe(self):
        self.safes += 1
        if self.broken:
            raise self.broken
        self.at = 0

    def state(self):
        return self.at

    @staticmethod
    def reported(value):
        return value / 100

    def tick(self, now_ms):
        return bool(self.slow)


class Memory:
    """Keeps states as mote.actuators.kept does, for as long as this test runs."""

    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def put(self, name, value):
        self.values[name] = value


class Bench:
    """One held part and the time."""

    def __init__(self, kept=None, link_ms=0, **limits):
        self.now = 1000
        fields = {"kind": "dimmer", "name": "lamp", "pin": 5, "safe": 0}
        fields.update(limits)
        self.part = Part()
        self.held = Held(check(fields, ACTUATOR, "lamp"), self.part, link_ms, lambda: self.now, kept)

    def after(self, ms):
        self.now += ms
        self.held.tick(self.now)
        return self.held.state()


def refused(call, value):
    return str(raises(ActuatorError, call, value))


def test_actuator_that_was_left_on_is_safe_after_its_longest_time_and_not_before():
    bench = Bench(longest_s=10)
    bench.held.set(40)
    assert bench.after(9_999) == 40
    assert bench.after(1) == 0
    assert bench.held.why == held.LIMIT
    assert bench.after(60_000) == 0


def test_longest_time_is_not_begun_anew_by_another_value():
    bench = Bench(longest_s=10)
    bench.held.set(40)
    bench.after(9_000)
    bench.held.set(80)
    bench.held.drive(60)
    assert bench.after(1_000) == 0


def test_longest_time_begins_anew_after_the_safe_state():
    bench = Bench(longest_s=10)
    bench.held.set(40)
    bench.after(9_000)
    bench.held.set(0)
    bench.after(10)
    bench.held.set(40)
    assert bench.after(9_999) == 40
    assert bench.after(1) == 0


def test_longest_time_goes_on_until_a_fade_is_at_the_safe_state():
    bench = Bench(longest_s=10)
    bench.part.slow = True
    bench.held.set(40)
    bench.after(9_000)
    bench.held.set(0)
    bench.part.at = 30
    bench.after(900)
    bench.held.set(40)
    assert bench.after(100) == 0
    assert bench.held.why == held.LIMIT
    bench.held.set(40)
    bench.after(9_000)
    bench.held.set(0)
    bench.part.slow = False
    bench.after(10)
    bench.held.set(40)
    assert bench.after(9_999) == 40


def test_command_after_the_limit_is_obeyed_and_a_rule_has_to_want_the_safe_state_first():
    bench = Bench(longest_s=10)
    bench.held.drive(100)
    bench.after(10_000)
    for _ in range(3):
        assert bench.held.drive(100) == 0
        assert bench.after(1_000) == 0
    bench.held.drive(0)
    assert bench.held.drive(100) == 100
    bench.after(10_000)
    assert bench.held.drive(100) == 0
    assert bench.held.set(50) == 50
    assert bench.held.why is None
    assert bench.held.drive(60) == 60, "somebody has seen to it"


def test_switch_that_comes_too_soon_is_refused_with_the_time_left_and_never_to_the_safe_state():
    bench = Bench(interval_ms=5_000)
    assert refused(bench.held.set, 40) == "too soon after the last switch: again in 5000 ms", "a start is a switch"
    bench.now += 5_000
    bench.held.set(40)
    bench.now += 3_999
    assert refused(bench.held.set, 50) == "too soon after the last switch: again in 1001 ms"
    assert bench.held.set(40) == 40, "it is there already"
    assert bench.held.set(0) == 0
    assert refused(bench.held.set, 40).endswith("5000 ms")


def test_switch_counts_where_it_is_one_and_the_safe_state_that_nobody_asked_for_is_one():
    bench = Bench(interval_ms=5_000)
    bench.now += 5_000
    bench.held.set(40)
    bench.now += 3_000
    bench.held.set(40)
    bench.now += 2_000
    bench.held.set(50)
    bench.now += 60_000
    bench.held.safe(held.LIMIT)
    assert refused(bench.held.set, 40).endswith("5000 ms")


def test_switch_of_a_rule_that_comes_too_soon_is_put_off():
    bench = Bench(interval_ms=5_000)
    assert bench.held.drive(30) == 0
    assert bench.after(4_999) == 0
    assert bench.after(1) == 30
    bench.held.drive(60)
    bench.held.drive(70)
    assert bench.after(4_999) == 30
    assert bench.after(1) == 70, "the last that it wanted"


def test_switch_that_was_put_off_is_forgotten_where_somebody_decided_since():
    for decide in ("drive 30", "set 30", "set 0", "drive 0", "safe"):
        bench = Bench(interval_ms=5_000)
        bench.now += 5_000
        bench.held.set(30)
        bench.held.drive(60)
        call, _, value = decide.partition(" ")
        getattr(bench.held, call)(*([int(value)] if value else []))
        assert bench.after(20_000) == (30 if value == "30" else 0), decide


def test_lost_link_is_safe_and_nothing_but_the_safe_state_until_it_is_back():
    bench = Bench(link_ms=1)
    bench.held.set(40)
    bench.held.lost = True
    assert bench.after(10) == 0
    assert bench.held.why == held.LINK
    assert refused(bench.held.set, 40) == "the link is lost"
    assert bench.held.drive(40) == 0
    assert bench.held.set(0) == 0
    bench.held.lost = False
    assert bench.after(10) == 0, "it does not come back by itself"
    assert bench.held.drive(40) == 40


def test_part_that_does_not_follow_is_refused_and_made_safe():
    bench = Bench()
    bench.held.set(10)
    bench.part.stuck = True
    assert refused(bench.held.set, 20) == "it does not follow"
    assert (bench.part.safes, bench.held.why, bench.held.state()) == (1, held.FAILED, 0)
    bench.held.drive(0)
    assert bench.part.safes == 1


def test_part_that_fails_in_any_way_is_refused_in_words_and_made_safe():
    for error, words in (
        (ValueError("freq"), "this chip cannot do it"),
        (OSError(5), "this chip cannot do it"),
        (MemoryError(), "it failed"),
        (RuntimeError(), "it failed"),
    ):
        bench = Bench(longest_s=5)
        bench.part.broken = error
        assert refused(bench.held.set, 20) == words
        assert bench.part.safes == 1
        bench.part.broken = None
        bench.held.tick(bench.now)
        assert bench.held.state() == 0


def test_limit_runs_where_the_part_was_set_and_then_something_else_was_raised():
    class Half(Part):
        def put(self, value):
            self.at = value
            raise KeyboardInterrupt

    bench = Bench(longest_s=10)
    bench.held._driver = part = Half()
    raises(KeyboardInterrupt, bench.held.set, 40)
    assert part.at == 40
    assert bench.after(10_000) == 0


def test_safe_never_raises():
    bench = Bench()
    bench.part.broken = OSError(5)
    bench.held.safe()
    assert bench.held.why == held.FAILED


def test_hostile_values_change_nothing():
    bench = Bench()
    bench.held.set(40)
    for value in (-1, 101, 1e30, INF, NAN, True, None, "40", b"40", [40], {}, 10**40):
        for call in (bench.held.set, bench.held.drive):
            assert refused(call, value) == "it takes 0 to 100 percent"
            assert bench.held.state() == 40


def test_change_is_told_once_when_it_has_come_to_rest():
    bench = Bench()
    bench.held.tick(bench.now)
    assert not bench.held.changed, "it is where it was"
    bench.part.slow = True
    bench.held.set(40)
    bench.after(10)
    assert not bench.held.changed
    bench.part.slow = False
    bench.after(10)
    assert bench.held.changed
    assert bench.held.reading()[:3] == ("lamp", "/", 0.4)
    bench.after(10)
    assert not bench.held.changed
    bench.held.safe(held.LINK)
    bench.after(10)
    assert bench.held.changed, "the safe state that nobody asked for is told too"


def test_change_that_nobody_asked_for_is_told():
    Part.hears = True
    try:
        bench = Bench()
    finally:
        Part.hears = False
    bench.after(10)
    assert not bench.held.changed
    bench.part.at = 7
    bench.after(10)
    assert bench.held.changed


def test_contact_that_is_not_at_the_safe_state_at_the_start_is_told():
    class Welded(Part):
        hears = True

        def __init__(self):
            Part.__init__(self)
            self.at = 1

    fields = {"kind": "dimmer", "name": "lamp", "pin": 5, "safe": 0}
    welded = Held(check(fields, ACTUATOR, "lamp"), Welded(), 0, lambda: 1000)
    welded.tick(1000)
    assert welded.changed and welded.reading().value == 0.01


def test_state_that_was_kept_comes_back_as_a_rule_would_set_it():
    kept = Memory()
    Bench(kept).held.set(40)
    assert kept.values == {"lamp": 40}
    bench = Bench(kept, interval_ms=5_000)
    assert bench.held.state() == 0, "safe first"
    bench.held.restore()
    assert bench.held.state() == 0
    assert bench.after(5_000) == 40
    bench.held.safe(held.LINK)
    assert kept.values == {"lamp": None}


def test_switch_that_was_put_off_does_not_come_where_the_link_was_lost_since():
    kept = Memory()
    kept.values["lamp"] = 40
    bench = Bench(kept, link_ms=1, interval_ms=5_000)
    bench.held.restore()
    bench.held.lost = True
    assert bench.after(5_000) == 0
    assert (bench.held.why, kept.values) == (held.LINK, {"lamp": None})


def test_safe_state_is_taken_and_kept_where_there_is_no_memory_to_tell_the_time():
    def starved():
        raise MemoryError

    kept = Memory()
    bench = Bench(kept)
    bench.held.set(40)
    bench.held._ms = starved
    bench.held.safe()
    assert (bench.held.state(), kept.values) == (0, {"lamp": None})


def test_state_that_was_kept_of_another_kind_is_forgotten():
    kept = Memory()
    kept.values["lamp"] = 101
    bench = Bench(kept)
    bench.held.restore()
    assert (bench.held.state(), kept.values) == (0, {"lamp": None})


def test_state_that_holds_for_a_time_alone_is_not_brought_back():
    kept = Memory()
    bench = Bench(kept)
    bench.held.set(40)
    bench.held.set(60, False)
    assert kept.values == {"lamp": None}, "nor is the one before: nobody knows what came between"
    bench.held.set(60)
    assert kept.values == {"lamp": 60}
    bench.held.set(0)
    assert kept.values == {"lamp": None}, "the safe state is there without being kept"
