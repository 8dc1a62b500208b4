"""What values mean to the hardware, by hand and by data sheet."""

from harness import raises
from mote.actuators import ActuatorError, scale

HOSTILE = (None, "1", b"1", [], {}, float("nan"), float("inf"), -float("inf"), -1, 10**30, 1e30)


def test_what_is_no_value_is_refused_by_every_kind():
    for take in (scale.on_or_off, scale.percent, scale.degrees, scale.hertz):
        for value in HOSTILE:
            raises(ActuatorError, take, value)
    for take in (scale.percent, scale.degrees, scale.hertz):
        raises(ActuatorError, take, True)
    raises(ActuatorError, scale.on_or_off, 0.5)
    assert [scale.on_or_off(value) for value in (True, False, 1, 0, 1.0, 0.0)] == [1, 0, 1, 0, 1, 0]


def test_ends_of_each_range_are_taken():
    for take, highest in ((scale.percent, 100), (scale.degrees, 180), (scale.hertz, 20000)):
        assert (take(0), take(highest)) == (0, highest)
        raises(ActuatorError, take, highest + 1)


def test_duty_is_the_share_of_the_period():
    assert [scale.duty(value, None) for value in (0, 12.5, 50, 100)] == [0, 8192, 32768, 65535]


def test_gamma_keeps_both_ends_and_is_dark_in_the_middle():
    assert [scale.duty(value, 2.2) for value in (0, 100)] == [0, 65535]
    assert abs(scale.duty(50, 2.2) - 14263) <= 1  # 65535 * 0.5 ** 2.2


def test_duty_never_falls_while_the_value_rises_and_reads_back_as_the_value():
    for gamma in (None, 0.3, 1.0, 2.2, 4.0):
        before = -1
        for tenth in range(1001):
            duty = scale.duty(tenth / 10, gamma)
            assert before <= duty <= 65535
            before = duty
        for value in (0, 40, 75, 100):
            assert abs(scale.brightness(scale.duty(value, gamma), gamma) - value) <= 0.1


def test_servo_has_its_pulses_at_both_ends_and_in_the_middle():
    def us(angle, *ends):
        return scale.pulse(angle, *ends) * 20000 / 65535

    for angle, pulse_us in ((0, 500), (90, 1500), (180, 2500)):
        assert abs(us(angle, None, None) - pulse_us) < 0.2
    for angle, pulse_us in ((0, 1000), (45, 1250), (180, 2000)):
        assert abs(us(angle, 1000, 2000) - pulse_us) < 0.2


def test_pin_at_rest_is_what_the_safe_state_means():
    for spec, rest in (
        ({"kind": "relay", "safe": 0}, (0, 0)),
        ({"kind": "relay", "safe": 1}, (0, 65535)),
        ({"kind": "relay", "safe": 0, "low": True}, (0, 65535)),
        ({"kind": "led", "safe": 1, "low": True}, (0, 0)),
        ({"kind": "dimmer", "safe": 50, "freq_hz": 200}, (200, 32768)),
        ({"kind": "dimmer", "safe": 0}, (1000, 0)),
        ({"kind": "servo", "safe": 90}, (50, 4915)),
        ({"kind": "buzzer", "safe": 0}, (0, 0)),
        ({"kind": "buzzer", "safe": 440}, (440, 32768)),
        ({"kind": "buzzer", "safe": 1, "freq_hz": 2000}, (2000, 32768)),
    ):
        assert scale.at_rest(spec) == rest, spec
