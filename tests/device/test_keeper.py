"""What watches over the actuators: it tells once, says why, and goes on whatever fails."""

import asyncio

from harness import raises
from mote import guard, log, trial, uptime
from mote.actuators import held, keeper
from test_held import Bench, Memory


class Link:
    proven = 0


class Later:
    """Moves the time since start, which the keeper looks at."""

    def __init__(self):
        self.at = 0

    def __enter__(self):
        keeper.uptime = self
        return self

    def __exit__(self, *_):
        keeper.uptime = uptime

    def ms(self):
        return self.at


class Settings:
    actuators = rules = ()
    keepalive_s = 30


def watched(*benches):
    made = keeper.Keeper(Settings)
    made.all = [bench.held for bench in benches]
    return made


def turns(made, clock, ms, link=Link):
    """One look after each tenth of a second; return the readings that were told, a list for each record."""
    told = []
    for _ in range(ms // 100):
        clock.at += 100
        made._turn(link)
        made._report(told.append)
    return told


def test_link_that_is_needed_unless_told_otherwise_is_300_s_or_two_keepalives_and_none_for_a_rule():
    class Spec:
        keep = None

        def __init__(self, name, link_s=None):
            self.name = self.actuator = name
            self.link_s = link_s

    real = keeper.actuators.create
    keeper.actuators.create = lambda spec, link_ms, ms, kept: link_ms
    try:
        for keepalive_s, expected in ((30, [300_000, 0, 0, 7_000]), (200, [400_000, 0, 0, 7_000])):
            settings = Settings()
            settings.keepalive_s = keepalive_s
            settings.rules = [Spec("ruled")]
            settings.actuators = [Spec("free"), Spec("ruled"), Spec("none", 0), Spec("own", 7)]
            assert keeper.Keeper(settings).all == expected
    finally:
        keeper.actuators.create = real


def test_change_is_told_at_once_and_others_within_the_second_in_one_record():
    with Later() as clock:
        one, two = Bench(), Bench(name="fan")
        made = watched(one, two)
        one.held.set(10)
        assert [[each.value for each in record] for record in turns(made, clock, 100)] == [[0.1]]
        for value in range(20, 60, 10):
            one.held.set(value)
            two.held.set(value)
            assert turns(made, clock, 200) == []
        assert [[each.value for each in record] for record in turns(made, clock, 1_000)] == [[0.5, 0.5]]


def test_actuators_are_safe_when_the_broker_was_not_heard_of_for_so_long_and_not_before():
    with Later() as clock:
        one, two = Bench(link_ms=5_000), Bench(name="fan")
        made = watched(one, two)
        one.held.set(10)
        two.held.set(10)
        turns(made, clock, 5_000)
        assert (one.held.state(), two.held.state(), made.held) == (10, 10, ())
        turns(made, clock, 100)
        assert (one.held.state(), two.held.state(), made.held) == (0, 10, ("lamp:link",))
        Link.proven = clock.at
        try:
            turns(made, clock, 100)
            assert one.held.set(20) == 20
            turns(made, clock, 100)
            assert made.held == ()
        finally:
            Link.proven = 0


def test_reason_is_said_where_the_state_did_not_change_and_is_over_when_somebody_decides():
    with Later() as clock:
        bench = Bench()
        made = watched(bench)
        bench.part.stuck = True
        try:
            bench.held.set(10)
        except Exception:
            pass
        log.last = ""
        assert turns(made, clock, 1_000) == []
        assert (made.held, log.last) == (("lamp:failed",), "actuators: made safe:")
        bench.part.stuck = False
        bench.held.set(0)
        turns(made, clock, 100)
        assert made.held == ()


def test_actuator_that_fails_is_made_safe_and_the_others_are_looked_after():
    with Later() as clock:
        one, two = Bench(), Bench(name="fan", longest_s=1)
        made = watched(one, two)
        one.held.set(10)
        two.held.set(10)

        def fails(now_ms):
            raise RuntimeError

        one.part.tick = fails
        two.now = clock.at
        two.held._left = clock.at
        turns(made, clock, 1_000)
        assert (one.held.state(), one.held.why) == (0, held.FAILED)
        assert (two.held.state(), two.held.why) == (0, held.LIMIT)


def test_want_of_memory_for_a_moment_is_no_failure():
    with Later() as clock:
        bench = Bench()
        made = watched(bench)
        bench.held.set(10)
        count = [0]

        def hungry(now_ms):
            count[0] += 1
            if count[0] % 2:
                raise MemoryError
            return False

        bench.part.tick = hungry
        turns(made, clock, 500)
        assert (bench.held.state(), bench.held.why, count[0]) == (10, None, 10)


def test_what_is_not_brought_back_after_failed_starts_is_not_by_a_later_start_either():
    for failed, crashes, expected in ((3, 1, 40), (4, 0, None), (0, 2, None)):
        guard.failed, trial.crashes = failed, crashes
        try:
            kept = Memory()
            kept.values["lamp"] = 40
            made = watched(Bench(kept))
            made.restore()
        finally:
            guard.failed = trial.crashes = 0
        assert (made.all[0].state(), kept.values["lamp"]) == (expected or 0, expected)


def test_change_that_there_is_no_memory_to_tell_is_told_later():
    with Later() as clock:
        one, two = Bench(), Bench(name="fan")
        made = watched(one, two)
        one.held.set(10)
        two.held.set(10)
        made._turn(Link)

        def starved():
            raise MemoryError

        read = two.held.reading
        two.held.reading = starved
        raises(MemoryError, made._report, None)
        two.held.reading = read
        assert [len(record) for record in turns(made, clock, 2000)] == [2]


def test_rules_that_want_memory_and_records_that_do_stop_nobody():
    bench = Bench(link_ms=0)
    made = watched(bench)
    bench.held.set(10)
    calls = []

    def hungry(*words):
        calls.append(words)
        raise MemoryError

    async def watch():
        task = asyncio.create_task(made.run(Link, hungry, hungry))
        await asyncio.sleep_ms(250)
        assert not task.done()
        task.cancel()

    asyncio.run(watch())
    assert len(calls) >= 2
