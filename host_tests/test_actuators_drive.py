"""Every kind of actuator on a simulated board: what its pin does, and what it answers, measures and refuses."""

import json
from pathlib import Path

import pytest
from board_process import BoardProcess

# What a program has: `make(fields)`, `attempt(actuator, value)`, `put(faults)`.
PROGRAM = """
import json, micropython, time
from mote import actuators, uptime
from mote.kinds import ACTUATOR
from mote.schema import check
def make(**fields):
    return actuators.create(check(dict({"name": "it", "safe": 0}, **fields), ACTUATOR, "it"))
def attempt(actuator, value):
    try:
        return actuator.set(value)
    except actuators.ActuatorError as error:
        return str(error)
def put(**faults):
    with open("/.state/faults.json", "w") as file:
        file.write(json.dumps(faults))
def pins():
    with open("/.state/pins.json") as file:
        return file.read()
"""
CONTACT = {"part": "contact", "pin": 14, "of": 12}


def board(folder: Path, chip: str = "esp32", **change) -> BoardProcess:
    return BoardProcess(folder, board=chip, faults=True, **change)


def driven(folder: Path, pin: int) -> list:
    """All that a pin has driven, oldest first."""
    lines = [line.split(" ", 2) for line in (folder / "driven").read_text().splitlines()]
    return [json.loads(what) for _, number, what in lines if int(number) == pin]


@pytest.mark.parametrize("kind", ["relay", "led"])
@pytest.mark.parametrize("low", [False, True])
def test_relay_and_led_drive_the_level_that_means_on_and_begin_with_the_safe_one(tmp_path: Path, kind: str, low: bool):
    made = f"it = make(kind={kind!r}, pin=12, safe=1, low={low})\n"
    run = "print(it.state(), it.set(False), it.set(1), it.set(0))\nit.safe()\nprint(it.state())\n"
    assert board(tmp_path).run(PROGRAM + made + run) == ["1 0 1 0", "1"]
    assert driven(tmp_path, 12) == ([0, 1, 0, 1, 0] if low else [1, 0, 1, 0, 1])


def test_relay_answers_what_its_contact_says_and_is_refused_and_made_safe_where_it_does_not_follow(tmp_path: Path):
    program = """
it = make(kind="relay", pin=12, sense=14)
print(it.state(), it.set(True), it.reading()[:3], it.set(False))
put(contact="stuck")
print(attempt(it, True), it.state(), it.why, json.loads(pins()))
put()
print(attempt(it, True), it.why)
put(contact="stuck")
print(attempt(it, False), it.state(), it.why, json.loads(pins()))
it.tick(0)
print(it.reading()[:3])
"""
    said = board(tmp_path, parts=[CONTACT]).run(PROGRAM + program)
    assert said == [
        "0 1 ('it', None, True) 0",
        "it does not follow: its contact says off 0 failed {'12': 0}",
        "1 None",
        "it does not follow: its contact says on 1 failed {'12': 0}",
        "('it', None, True)",
    ]


def test_relay_that_is_moved_by_another_hand_is_told(tmp_path: Path):
    program = """
import machine
it = make(kind="relay", pin=12, sense=14)
it.tick(0)
print(it.changed)
machine.Pin(12).value(1)
it.tick(0)
time.sleep_ms(20)
it.tick(20)
print(it.changed, it.reading()[2])
"""
    assert board(tmp_path, parts=[CONTACT]).run(PROGRAM + program) == ["False", "True True"]


@pytest.mark.parametrize("gamma", [None, 2.2])
def test_dimmer_fades_step_by_step_never_back_and_ends_where_it_was_told(tmp_path: Path, gamma: float | None):
    program = f"""
it = make(kind="dimmer", pin=12, freq_hz=200, fade_ms=1000, gamma={gamma})
now = 5000
for value in (80, 20):
    print(it.set(value) == value, it.changed)
    moving = 0
    while it.tick(now):
        moving += 1
        now += 20
        assert not it.changed
    print(moving, it.state(), it.changed, it.reading()[:3])
    now += 60000
it.set(100)
it.tick(now)
it.tick(now + 500)
it.safe()
print(it.tick(now + 520), it.state())
"""
    said = board(tmp_path).run(PROGRAM + program)
    assert said == [
        "False False", "50 80.0 True ('it', '/', 0.8)",
        "False False", "50 20.0 True ('it', '/', 0.2)",
        "False 0.0",
    ]  # fmt: skip
    duties = [each["duty_u16"] for each in driven(tmp_path, 12)]
    top = duties.index(max(duties[:52]))
    assert duties[: top + 1] == sorted(duties[: top + 1])
    down = duties[top : duties.index(min(duties[top:-3]), top) + 1]
    assert down == sorted(down, reverse=True)
    assert duties[-1] == 0, "safe is at once, in the middle of a fade too"


def test_fade_that_is_told_another_value_goes_on_from_where_it_is(tmp_path: Path):
    program = """
it = make(kind="dimmer", pin=12, fade_ms=1000)
it.set(100)
it.tick(0)
it.tick(500)
it.set(0)
it.tick(510)
print(it.state())
it.tick(1010)
print(it.state())
it.tick(1510)
print(it.state())
"""
    assert board(tmp_path).run(PROGRAM + program) == ["50.0", "25.0", "0.0"]


def test_fade_to_where_it_goes_already_is_not_begun_anew(tmp_path: Path):
    program = """
it = make(kind="dimmer", pin=12, fade_ms=1000)
it.set(100)
it.tick(0)
it.tick(1000)
for now in range(1000, 2001, 100):
    it.set(0)
    it.tick(now)
print(it.state())
"""
    assert board(tmp_path).run(PROGRAM + program) == ["0.0"]


def test_servo_turns_by_the_length_of_its_pulse(tmp_path: Path):
    made = 'it = make(kind="servo", pin=12, safe=90, min_us=1000, max_us=2000)\n'
    run = "print(it.state(), it.set(0), it.set(180), it.reading()[1:3])\nit.safe()\nprint(it.state())\n"
    said = board(tmp_path).run(PROGRAM + made + run)
    assert said[0].startswith("90 0 180 ('rad', 3.1415")
    assert said[1] == "90"
    pulses = [each["duty_u16"] * 20_000 / 65535 for each in driven(tmp_path, 12)]
    assert [round(each) for each in pulses] == [1500, 1000, 2000, 1500]
    assert {each["freq"] for each in driven(tmp_path, 12)} == {50}


def test_buzzer_sounds_as_high_as_told_or_on_and_off(tmp_path: Path):
    program = """
it = make(kind="buzzer", pin=12)
def wave(pin):
    return json.loads(pins())[str(pin)]["freq"], json.loads(pins())[str(pin)]["duty_u16"]
print(it.set(440), wave(12), it.reading()[1:3])
print(it.set(0), wave(12)[1])
it = make(kind="buzzer", pin=13, freq_hz=2000)
print(it.set(True), wave(13), it.reading()[1:3], attempt(it, 440))
"""
    assert board(tmp_path).run(PROGRAM + program) == [
        "440 (440, 32768) ('Hz', 440)",
        "0 0",
        "1 (2000, 32768) (None, True) it takes on or off",
    ]


def test_frequency_that_the_chip_cannot_make_is_refused_and_silent(tmp_path: Path):
    program = (
        'it = make(kind="buzzer", pin=12)\nprint(attempt(it, 15000), it.why, json.loads(pins())["12"]["duty_u16"])\n'
    )
    assert board(tmp_path, "esp8266").run(PROGRAM + program) == ["this chip cannot do it failed 0"]


@pytest.mark.parametrize(
    "fields", ['kind="relay"', 'kind="led"', 'kind="dimmer", fade_ms=50', 'kind="servo"', 'kind="buzzer"']
)
def test_hostile_values_move_no_pin(tmp_path: Path, fields: str):
    program = f"""
it = make(pin=12, {fields})
was = pins()
for value in (-1, 2e9, float("nan"), float("inf"), -float("inf"), None, "1", "on", b"1", [], {{}}, 10 ** 30, 181e3):
    said = attempt(it, value)
    assert isinstance(said, str) and said.startswith("it takes "), said
    it.tick(uptime.ms())
print(was == pins())
"""
    assert board(tmp_path).run(PROGRAM + program) == ["True"]


@pytest.mark.parametrize("fields", ['kind="relay", low=True', 'kind="dimmer"', 'kind="servo"', 'kind="led"'])
def test_limit_is_kept_with_no_memory_to_be_had(tmp_path: Path, fields: str):
    program = f"""
it = make(pin=12, longest_s=5, {fields})
it.set(1)
def nothing():
    pass
# What the simulation keeps of its pins takes memory; a real pin does not.
(it._driver._pwm if hasattr(it._driver, "_pwm") else it._driver._pin)._drive = nothing
begun = uptime.ms()
it.tick(begun)
micropython.heap_lock()
it.tick(begun + 1000)
try:
    it.tick(begun + 6000)
except MemoryError:
    pass  # what it reads back is told in a later turn
micropython.heap_unlock()
print(it.why, it._driver._pwm.duty_u16() == it._driver._safe_duty if hasattr(it._driver, "_pwm") else it.state())
"""
    assert board(tmp_path).run(PROGRAM + program) in (["limit 0"], ["limit True"])
