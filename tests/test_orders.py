"""A command acts once: as long as the mote remembers its id, over deep sleep too."""

from mote import command, orders, rtc
from mote.actuators import ActuatorError
from test_rtc import CHIP, with_answers

REMEMBERED = 16


class Lamp:
    """An actuator that counts how often it is set."""

    def __init__(self, name="lamp"):
        self.name = name
        self.times = 0
        self._now = "off"

    def set(self, value):
        self.times += 1
        if value == "bad":
            raise ActuatorError("no")
        self._now = value
        return value

    def state(self):
        return self._now


def order(number, name="lamp", value="on"):
    return command.Command(bytes((number,)) * 8, name, value, None, None)


def sleep(awake):
    """The answers that a mote wakes up with."""
    return rtc.unpack(rtc.pack(with_answers(awake.answers), CHIP), CHIP).answers


def test_command_that_is_repeated_acts_once_and_has_the_same_answer():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    first = mote.obey(order(1))
    mote.obey(order(2, value="off"))
    assert mote.obey(order(1)) == first
    assert mote.expired(order(1)) == first
    assert lamp.times == 2


def test_sixteen_commands_of_the_longest_names_and_values_act_once_over_a_deep_sleep():
    name = "n" * 32
    lamp = Lamp(name)
    mote = orders.Orders([lamp])
    values = ["bad" if number % 4 == 0 else "v" * 79 + chr(65 + number) for number in range(REMEMBERED)]
    given = [order(number, name, values[number]) for number in range(REMEMBERED)]
    before = [mote.obey(each).result for each in given]
    assert lamp.times == REMEMBERED
    woken = Lamp(name)
    mote_again = orders.Orders([woken])
    mote_again.answers = sleep(mote)
    for _ in range(2):  # it may sleep again before they come
        after = [mote_again.obey(each) for each in given]
        assert [each.result for each in after] == before
        assert {each.value for each in after} == {"off"}, "the state that is"
        assert {each.name for each in after} == {name}
        mote_again.answers = sleep(mote_again)
    assert woken.times == 0


def test_command_that_came_too_late_may_be_sent_again():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    assert mote.expired(order(1)).result == command.EXPIRED
    assert mote.obey(order(1)).result == command.DONE
    assert lamp.times == 1


def test_commands_are_remembered_as_long_as_the_gateway_counts_on():
    lamp = Lamp()
    mote = orders.Orders([lamp])
    for number in range(REMEMBERED):
        mote.obey(order(number))
    mote.obey(order(0))
    assert lamp.times == REMEMBERED
    mote.obey(order(REMEMBERED))
    mote.obey(order(0))
    assert lamp.times == REMEMBERED + 2
