"""A command acts once: as long as the mote remembers its id, over deep sleep too."""

from harness import raises
from mote import command, orders, rtc
from mote.actuators import ActuatorError
from test_held import Bench
from test_rtc import CHIP, with_answers

REMEMBERED = 16
HOUR_MS = 3600000


RULED = 9
WALL = 1795219200


class Rule:
    """A rule of the settings, which wants RULED all day long."""

    kind = "schedule"
    times = ((0, RULED),)
    utc_min = None

    def __init__(self, actuator, override_s=None):
        self.actuator = actuator
        self.override_s = override_s


class Lamp:
    """An actuator that counts how often it is set."""

    def __init__(self, name="lamp"):
        self.name = name
        self.times = 0
        self._now = "off"

    def set(self, value, lasts=True):
        self.times += 1
        if value == "bad":
            raise ActuatorError("no")
        self._now = value
        self.lasts = lasts
        return value

    def drive(self, value):
        self._now = value
        return value

    def safe(self):
        self._now = "off"

    def is_safe(self):
        return self._now == "off"

    def state(self):
        return self._now


def order(number, name="lamp", value="on", for_s=None):
    return command.Command(bytes((number,)) * 8, name, value, None, None, for_s)


def sleep(awake):
    """The answers that a mote wakes up with."""
    return rtc.unpack(rtc.pack(with_answers(awake.answers), CHIP), CHIP).answers


def test_command_that_is_repeated_acts_once_and_has_the_same_answer():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    first = mote.obey(order(1), 0)
    mote.obey(order(2, value="off"), 0)
    assert mote.obey(order(1), 0) == first
    assert mote.expired(order(1)) == first
    assert lamp.times == 2


def test_sixteen_commands_of_the_longest_names_and_values_act_once_over_a_deep_sleep():
    name = "n" * 32
    lamp = Lamp(name)
    mote = orders.Orders([lamp])
    values = ["bad" if number % 4 == 0 else "v" * 79 + chr(65 + number) for number in range(REMEMBERED)]
    given = [order(number, name, values[number]) for number in range(REMEMBERED)]
    before = [mote.obey(each, 0).result for each in given]
    assert lamp.times == REMEMBERED
    woken = Lamp(name)
    mote_again = orders.Orders([woken])
    mote_again.answers = sleep(mote)
    for _ in range(2):  # it may sleep again before they come
        after = [mote_again.obey(each, 0) for each in given]
        assert [each.result for each in after] == before
        assert {each.value for each in after} == {"off"}, "the state that is"
        assert {each.name for each in after} == {name}
        mote_again.answers = sleep(mote_again)
    assert woken.times == 0


def test_command_that_came_too_late_may_be_sent_again():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    assert mote.expired(order(1)).result == command.EXPIRED
    assert mote.obey(order(1), 0).result == command.DONE
    assert lamp.times == 1


def test_commands_are_remembered_as_long_as_the_gateway_counts_on():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    for number in range(REMEMBERED):
        mote.obey(order(number), 0)
    mote.obey(order(0), 0)
    assert lamp.times == REMEMBERED
    mote.obey(order(REMEMBERED), 0)
    mote.obey(order(0), 0)
    assert lamp.times == REMEMBERED + 2


def test_command_that_holds_for_a_time_ends_in_the_safe_state_where_there_is_no_rule():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    assert mote.obey(order(1, value=40, for_s=60), 1000).value == 40
    mote.tick((), 60999, None)
    assert lamp.state() == 40
    mote.tick((), 61000, None)
    assert lamp.state() == "off"
    lamp.set(7)
    mote.tick((), 200000, None)
    assert lamp.state() == 7, "ended once"


def test_command_that_holds_for_no_time_ends_the_hold_before_it():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    mote.obey(order(1, value=40, for_s=60), 0)
    mote.obey(order(2, value=50), 1000)
    mote.tick((), 10 * HOUR_MS, None)
    assert lamp.state() == 50


def test_command_that_memory_ends_at_acts_once_and_its_time_is_over_all_the_same():
    class Starved(Lamp):
        def set(self, value, lasts=True):
            Lamp.set(self, value, lasts)
            raise MemoryError

    lamp = Starved()
    mote = orders.Orders([lamp])
    raises(MemoryError, mote.obey, order(1, value=40, for_s=60), 0)
    answer = mote.obey(order(1, value=40, for_s=60), 1000)
    assert (answer.result, answer.name, answer.value, lamp.times) == (command.REFUSED, "lamp", 40, 1)
    mote.tick((), 60000, None)
    assert lamp.state() == "off"


def test_refused_command_leaves_the_hold_before_it():
    mote = orders.Orders([Lamp()])
    mote.obey(order(1, value=40, for_s=60), 0)
    for for_s in (None, 5, 600):
        mote.obey(order(2 + (for_s or 0) % 7, value="bad", for_s=for_s), 1000)
        assert mote.held == {"lamp": 60000}


def test_refused_or_repeated_command_begins_no_hold():
    lamp = Lamp()
    mote = orders.Orders([lamp], [Rule("lamp")])
    mote.obey(order(1, value="bad", for_s=60), 0)
    assert not mote.held
    mote.obey(order(2, value=40, for_s=60), 0)
    mote.obey(order(2, value=40, for_s=60), 30000)
    assert mote.held == {"lamp": 60000}


def test_rule_is_overridden_for_an_hour_for_what_its_settings_say_or_for_what_the_command_says():
    for override_s, for_s, expected_ms in ((None, None, HOUR_MS), (5, None, 5000), (5, 7, 7000), (None, 1, 1000)):
        lamp = Lamp()
        mote = orders.Orders([lamp], [Rule("lamp", override_s)])
        mote.obey(order(1, value=40, for_s=for_s), 100)
        mote.tick((), 100 + expected_ms - 1, WALL)
        assert lamp.state() == 40
        mote.tick((), 100 + expected_ms, WALL)
        assert lamp.state() == RULED


def test_auto_ends_what_a_command_holds():
    ruled, free = Lamp("ruled"), Lamp("free")
    mote = orders.Orders([ruled, free], [Rule("ruled")])
    for number, lamp in enumerate((ruled, free)):
        mote.obey(order(number, lamp.name, 40, 60), 0)
        answer = mote.obey(order(10 + number, lamp.name, "auto"), 1000)
        assert (answer.result, answer.value) == (command.DONE, lamp.state())
    assert not mote.held
    mote.tick((), 1000, WALL)
    assert (ruled.state(), free.state()) == (RULED, "off")
    assert mote.obey(order(20, "free", "auto"), 2000).result == command.DONE, "there was nothing to end"
    assert mote.obey(order(21, "nobody", "auto"), 2000).result == command.REFUSED


def test_command_that_is_over_before_the_rule_had_its_turn_leaves_the_safe_state():
    for end in ("auto", "time"):
        bench = Bench()
        mote = orders.Orders([bench.held], [Rule("lamp")], 1000, lambda *_: None)
        mote.tick((), 0, None)  # without a clock a schedule wants the safe state
        mote.obey(order(1, value=40, for_s=1), 50)
        assert bench.held.state() == 40
        if end == "auto":
            mote.obey(order(2, value="auto"), 500)
        mote.tick((), 1100, None)
        assert bench.held.state() == 0, end


def test_nothing_is_held_after_a_sleep():
    mote = orders.Orders([Lamp()], [Rule("lamp")])
    mote.obey(order(1, value=40, for_s=604800), 0)
    again = orders.Orders([Lamp()], [Rule("lamp")])
    again.answers = sleep(mote)
    again.obey(order(1, value=40, for_s=604800), 0)
    assert not again.held, "the command was obeyed before"


def test_what_holds_for_a_time_is_not_kept_over_a_start():
    ruled, free = Lamp("ruled"), Lamp("free")
    mote = orders.Orders([ruled, free], [Rule("ruled")])
    for number, (lamp, for_s, lasts) in enumerate(((ruled, None, False), (free, None, True), (free, 5, False))):
        mote.obey(order(number, lamp.name, 40, for_s), 0)
        assert lamp.lasts == lasts


def test_command_that_a_limit_refuses_is_answered_with_the_reason_and_the_state_that_is():
    bench = Bench(interval_ms=5_000)
    mote = orders.Orders([bench.held])
    bench.after(5_000)
    assert mote.obey(order(1, value=40), 0).value == 40
    refused = mote.obey(order(2, value=60), 0)
    assert (refused.result, refused.value) == (command.REFUSED, 40)
    assert refused.why == "too soon after the last switch: again in 5000 ms"
    bench.after(5_000)
    assert mote.obey(order(2, value=60), 0) == refused, "the answer that it had: another try is another command"
    assert mote.obey(order(3, value=60), 0).value == 60
    assert mote.obey(order(4, value=0), 0).value == 0


def test_answer_to_a_part_that_does_not_follow_is_what_was_measured():
    bench = Bench()
    mote = orders.Orders([bench.held])
    mote.obey(order(1, value=40), 0)
    bench.part.stuck = True
    answer = mote.obey(order(2, value=60), 0)
    assert answer[1:] == (command.REFUSED, "lamp", 0, "it does not follow")
