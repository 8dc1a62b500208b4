"""Rules drive by what a sensor says and by the time of day; where they cannot know, the safe state is what there is."""

from harness import raises
from mote import cbor, rules, settings
from mote.actuators import ActuatorError
from mote.record import Reading
from mote.rules.light import Light
from mote.rules.schedule import Schedule
from mote.rules.thermostat import Thermostat
from test_settings import good, said

SAMPLE_MS = 1000
DAY_S = 86400
HOUR_S = 3600


class Spec:
    """A rule of the settings; what is left out is None there."""

    sensor = "air"
    cool = stale_s = step = utc_min = override_s = None

    def __init__(self, kind, **fields):
        self.kind = kind
        self.actuator = "lamp"
        for name in fields:
            setattr(self, name, fields[name])


class Actuator:
    """An actuator in its safe state, that writes down what it is told; `failing` makes it fail."""

    name = "lamp"

    def __init__(self, at=0):
        self.at = at
        self.told = []
        self.failing = False

    def drive(self, value):
        self.told.append(value)
        if self.failing:
            raise ActuatorError("it does not follow")
        self.at = value
        return value

    def safe(self):
        self.told.append("safe")
        self.at = 0

    def is_safe(self):
        return self.at == 0

    def state(self):
        return self.at


class Bench:
    """One rule and its actuator; `say` is a sample, in which the sensor may say nothing."""

    def __init__(self, spec):
        self.lamp = Actuator()
        self.held = {}
        self.warned = []
        self.now_ms = 5000
        self.rules = rules.Rules([spec], {"lamp": self.lamp}, SAMPLE_MS, self.warn)

    def warn(self, *words):
        self.warned.append(" ".join(words))

    def say(self, value=None, wall=None, after_ms=SAMPLE_MS):
        self.now_ms += after_ms
        readings = [Reading("other", "Cel", 99.0, None)]
        if value is not None:
            readings.append(Reading("air", "Cel", value, None))
        self.rules.run(readings, self.now_ms, wall, self.held)
        return self.lamp.at


def test_thermostat_switches_at_the_ends_of_its_gap_and_nowhere_between():
    heat = Thermostat(Spec("thermostat", target=21, hysteresis=0.5))
    cool = Thermostat(Spec("thermostat", target=21, hysteresis=0.5, cool=True))
    for value, heating, cooling in (
        (21.0, None, None),
        (20.51, None, None),
        (20.5, 1, 0),
        (21.49, 1, 0),
        (21.5, 0, 1),
        (20.51, 0, 1),
        (20.4, 1, 0),
        (99.0, 0, 1),
        (-40.0, 1, 0),
    ):
        heat.take(value, 0)
        cool.take(value, 0)
        assert (heat.wanted, cool.wanted) == (heating, cooling), value


def test_thermostat_is_safe_until_it_knows_better_and_again_when_its_sensor_says_nothing():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5, stale_s=10))
    assert bench.say(21.0) == 0
    assert bench.lamp.told == [], "it is safe from its start"
    assert bench.say(20.0) == 1
    for _ in range(10):
        assert bench.say() == 1
    assert bench.warned == []
    assert bench.say() == 0
    bench.say()
    assert bench.lamp.told[-1] == "safe"
    assert bench.lamp.told.count("safe") == 1
    assert bench.warned == ["rules lamp: air says nothing"]
    assert bench.say(21.0) == 0, "what it was before is not known to be right"
    assert bench.say(20.0) == 1


def test_sensor_that_never_spoke_is_said_and_leaves_the_actuator_safe():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    for _ in range(100):
        bench.say()
    assert bench.warned == ["rules lamp: air says nothing"]
    assert bench.lamp.told == []


def test_sensor_has_its_time_to_speak_however_late_the_rules_begin():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    bench.now_ms = 10**9
    bench.say()
    assert bench.warned == []


def test_word_of_a_sensor_is_believed_for_three_samples_and_a_minute_unless_told_otherwise():
    for stale_s, sample_ms, expected_ms in ((None, 1000, 60000), (None, 60000, 180000), (5, 1000, 5000)):
        assert rules.stale_ms(Spec("thermostat", stale_s=stale_s), sample_ms) == expected_ms


def test_command_holds_and_then_the_rule_goes_on_as_if_it_had_driven_all_along():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    bench.say(20.0)
    bench.held["lamp"] = 1
    bench.lamp.at = 0
    bench.lamp.told = []
    bench.say(20.0)
    assert bench.lamp.told == []
    bench.say(22.0)
    bench.lamp.at = 1
    bench.say(21.0)
    del bench.held["lamp"]
    assert bench.say() == 0
    assert bench.lamp.told == [0]


def test_command_that_ends_while_the_rule_knows_nothing_leaves_the_safe_state():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    bench.held["lamp"] = 1
    bench.lamp.at = 1
    bench.say(21.0)
    del bench.held["lamp"]
    assert bench.say(21.0) == 0
    assert bench.lamp.told == ["safe"]


def test_actuator_that_fails_is_tried_again_after_a_minute_and_said_once():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    bench.lamp.failing = True
    for _ in range(60):
        bench.say(20.0)
    assert bench.lamp.told == [1]
    assert bench.warned == ["rules lamp: it does not follow"]
    bench.lamp.failing = False
    assert bench.say(20.0) == 1


def test_actuator_that_failed_and_was_switched_by_a_command_since_is_driven_at_once():
    bench = Bench(Spec("thermostat", target=21, hysteresis=0.5))
    bench.lamp.failing = True
    bench.say(20.0)
    bench.lamp.failing = False
    bench.held["lamp"] = 1
    bench.lamp.at = 1
    bench.say(22.0)
    del bench.held["lamp"]
    assert bench.say(22.0) == 0


def test_light_reaches_its_target_whatever_the_lamp_gives_and_stays():
    for lux_a_percent in (0.5, 1, 3, 10, 30, 100):
        for lag in (1, 0.5, 0.3):  # a sensor that is smoothed follows late
            target = min(200, lux_a_percent * 60)
            band = max(0.05 * target, 0.15 * lux_a_percent)
            rule = Light(Spec("light", target=target, hysteresis=band))
            at, felt, daylight = 0, 0, 0
            for sample in range(400):
                if sample == 200:
                    daylight = target / 2
                felt += lag * (lux_a_percent * at + daylight - felt)
                rule.take(felt, at)
                assert abs(rule.wanted - at) <= 5.1
                at = round(rule.wanted, 1)
                if sample % 200 > 50:
                    there = lux_a_percent * at + daylight
                    assert abs(there - target) <= band + 0.1 * lux_a_percent, (lux_a_percent, lag, sample, there)


def test_light_that_has_found_its_target_by_small_steps_follows_the_daylight_by_large_ones():
    rule = Light(Spec("light", target=3000, hysteresis=20))
    at = 0
    for daylight, samples, expected in ((0, 60, 30), (2000, 15, 10), (0, 15, 30)):
        for _ in range(samples):
            rule.take(100 * at + daylight, at)
            at = rule.wanted
        assert abs(at - expected) <= 0.2, (daylight, at)


def test_light_that_cannot_be_reached_is_turned_from_at_once_when_it_can():
    rule = Light(Spec("light", target=100, hysteresis=5, step=4))
    at = 0
    for _ in range(500):
        rule.take(10, at)
        at = rule.wanted
    assert at == 100
    rule.take(1000, at)
    assert rule.wanted == 98, "a step of half the size, and nothing was wound up"
    for _ in range(500):
        at = rule.wanted
        rule.take(54612, at)
    assert rule.wanted == 0
    rule.take(100, 0)
    assert rule.wanted == 0, "within the band it rests"


def test_light_does_not_run_ahead_of_a_dimmer_that_is_held_back():
    rule = Light(Spec("light", target=100, hysteresis=5))
    for _ in range(50):
        rule.take(10, 20)
    assert rule.wanted == 30
    rule.take(10, 0)
    assert rule.wanted == 10


def test_light_goes_on_from_where_a_command_left_it():
    bench = Bench(Spec("light", target=100, hysteresis=5))
    bench.say(10)
    bench.held["lamp"] = 1
    bench.lamp.at = 80
    for _ in range(20):
        bench.say(10)
    del bench.held["lamp"]
    assert 80 <= bench.say(10) <= 90


def test_glare_that_blinds_the_sensor_ends_in_the_safe_state():
    bench = Bench(Spec("light", target=100, hysteresis=5, stale_s=5))
    for _ in range(10):
        bench.say(10)
    assert bench.lamp.at == 50
    for _ in range(7):
        bench.say()
    assert bench.lamp.at == 0
    assert bench.say(10) == 5, "and begins there"


TIMES = [[360, 1], [1320, 0]]
MIDNIGHT = 1795219200  # 2026-11-21 00:00:00 UTC


def at(rule, seconds):
    rule.at(MIDNIGHT + seconds)
    return rule.wanted


def test_schedule_switches_at_its_minutes_every_day():
    rule = Schedule(Spec("schedule", times=TIMES))
    for day in (0, 1, 400):
        for seconds, expected in ((0, 0), (6 * HOUR_S - 1, 0), (6 * HOUR_S, 1), (22 * HOUR_S - 1, 1), (22 * HOUR_S, 0)):
            assert at(rule, day * DAY_S + seconds) == expected
        assert at(rule, day * DAY_S + DAY_S - 1) == 0


def test_schedule_counts_from_the_offset_of_its_zone():
    for utc_min in (-840, -90, 0, 60, 345, 840):
        rule = Schedule(Spec("schedule", times=TIMES, utc_min=utc_min))
        begins = 6 * HOUR_S - utc_min * 60
        assert (at(rule, begins - 1), at(rule, begins), at(rule, begins + 16 * HOUR_S)) == (0, 1, 0)


def test_schedule_of_one_time_is_always_that():
    rule = Schedule(Spec("schedule", times=[[720, 30]]))
    assert [at(rule, hour * HOUR_S) for hour in range(24)] == [30] * 24


def test_schedule_without_a_clock_is_safe_and_says_so():
    bench = Bench(Spec("schedule", times=[[0, 1]]))
    bench.say()
    bench.say()
    assert bench.lamp.told == []
    assert bench.warned == ["rules lamp: the time is not known"]
    assert bench.say(wall=MIDNIGHT) == 1
    assert bench.say() == 0
    assert bench.warned == ["rules lamp: the time is not known"] * 2


def test_clock_that_jumps_leaves_nothing_out_and_repeats_nothing():
    bench = Bench(Spec("schedule", times=TIMES))
    for seconds, expected in ((12 * HOUR_S, 1), (23 * HOUR_S, 0), (12 * HOUR_S, 1), (-10 * HOUR_S, 1), (-HOUR_S, 0)):
        assert bench.say(wall=MIDNIGHT + seconds) == expected


RELAY = {"kind": "relay", "name": "relay", "pin": 5, "safe": 0}
DIMMER = {"kind": "dimmer", "name": "dimmer", "pin": 18, "safe": 0}
SERVO = {"kind": "servo", "name": "servo", "pin": 19, "safe": 90}
HEAT = {"kind": "thermostat", "actuator": "relay", "sensor": "water", "target": 21, "hysteresis": 0.5}
LIGHT = {"kind": "light", "actuator": "dimmer", "sensor": "light", "target": 300, "hysteresis": 20}
CLOCK = {"kind": "schedule", "actuator": "relay", "times": [[360, 1], [1320, 0]], "utc_min": 60}


def with_rule(rule, **more):
    return good(actuators=[RELAY, DIMMER, SERVO], rules=[rule], **more)


def test_rules_of_the_settings_come_back():
    for rule in (HEAT, LIGHT, CLOCK, dict(HEAT, cool=True, stale_s=90, override_s=60), dict(LIGHT, step=2.5)):
        found = settings.Settings.from_cbor(settings.to_cbor(with_rule(rule))).rules[0]
        for name in rule:
            assert getattr(found, name) == rule[name], name
    assert found.stale_s is None
    assert rules.Rules([found], {"dimmer": Actuator()}, 1000, None)


def test_rules_that_cannot_work_are_refused_with_what_to_do():
    relay = "rules[0].times[0]: relay: it takes on or off"
    minutes = "rules[0].times[%d]: a minute of the day, 0 to 1439, after the one before"
    for rule, words in (
        (dict(HEAT, actuator="dimmer"), "rules[0].actuator: a thermostat drives a relay or a led, not a dimmer"),
        (dict(LIGHT, actuator="relay"), "rules[0].actuator: a light drives a dimmer, not a relay"),
        (dict(HEAT, hysteresis=0), "rules[0].hysteresis: more than 0, or it would never be at rest"),
        (dict(HEAT, stale_s=1), "rules[0].stale_s: more than a sample takes to come: 1000 ms"),
        (dict(LIGHT, target=20), "rules[0].target: more than the hysteresis: there is no light below 0"),
        (dict(HEAT, actuator="pump"), "rules[0].actuator: no actuator of that name: relay, dimmer, servo"),
        (dict(CLOCK, times=[]), "rules[0].times: at least one [minute of the day, value]"),
        (dict(CLOCK, times=[[360]]), "rules[0].times[0]: [minute of the day, value]"),
        (dict(CLOCK, times=[[360, 0.5]]), relay),
        (dict(CLOCK, times=[[360, 2]]), relay),
        (dict(CLOCK, times=[[1440, 1]]), minutes % 0),
        (dict(CLOCK, times=[[-1, 1]]), minutes % 0),
        (dict(CLOCK, times=[[360.5, 1]]), minutes % 0),
        (dict(CLOCK, times=[[360, 1], [360, 0]]), minutes % 1),
        (dict(CLOCK, times=[[360, 1], [100, 0]]), minutes % 1),
        (dict(CLOCK, actuator="dimmer", times=[[0, 101]]), "rules[0].times[0]: dimmer: it takes 0 to 100 percent"),
        (dict(CLOCK, actuator="servo", times=[[0, 181]]), "rules[0].times[0]: servo: it takes 0 to 180 degrees"),
        (dict(HEAT, target=None), "rules[0].target: a number from -1000000 to 1000000"),
        (dict(HEAT, step=1), "rules[0].step: no such setting"),
        (dict(HEAT, kind="magic"), "rules[0].kind: one of light, schedule, thermostat"),
        (dict(HEAT, override_s=0), "rules[0].override_s: a whole number from 1 to 604800"),
    ):
        assert said(with_rule(rule)) == words
    water = {"kind": "ds18b20", "names": {"temperature": "water"}}
    words = said(with_rule(dict(HEAT, sensor="fire"), sensors=[water]))
    assert words == "rules[0].sensor: no sensor of that name: water"
    words = said(with_rule(HEAT, sleep_ms=1000))
    assert words == "rules[0]: a mote that sleeps deeply drives nothing: sleep_ms has to be 0"
    words = said(good(actuators=[dict(RELAY, keep=True)], rules=[HEAT]))
    assert words == "rules[0].actuator: one without keep: after a start its rule says what it is at"
    words = said(good(rules=[HEAT, dict(CLOCK)]))
    assert words == "rules[1].actuator: relay has a rule already"
    raises(
        settings.SettingsError, settings.Settings.from_cbor, cbor.encode(with_rule(dict(CLOCK, times=[[0, True]] * 25)))
    )
