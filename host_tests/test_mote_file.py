"""motes/<id>.toml: what is right becomes the settings of a mote, what is wrong is said with line and nearest word."""

from pathlib import Path

import pytest
import sensor_bench
from hypothesis import given, settings
from hypothesis import strategies as st
from ironmote import boards, mote_file, sensor_parts, toml_lines
from ironmote.errors import IronmoteError
from ironmote.mote_file import Known, MoteFileError
from mote import kinds, record, schema
from mote import settings as device_settings

FIVE_LINES = """board = "esp32"

[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air", humidity = "damp" }
"""
KNOWN = Known(
    mote="kitchen", fleet=bytes(16), zone="home", broker={"host": "192.168.1.2", "port": 8883, "name": "broker"},
    generation=3, channel="tls", wifi={"ssid": "home", "country": "DE"}, clock_floor=1_795_000_000,
)  # fmt: skip

PROFILES = {name: boards.load(name) for name in boards.names()}


def load(tmp_path: Path, text: str | bytes) -> mote_file.MoteFile:
    path = tmp_path / "kitchen.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return mote_file.load(path)


def errors(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(MoteFileError) as caught:
        load(tmp_path, text)
    assert all(line.isprintable() for line in (str(caught.value), *caught.value.errors))
    return [line.removeprefix(str(tmp_path / "kitchen.toml")) for line in caught.value.errors]


def compiled(tmp_path: Path, text: str, **change) -> device_settings.Values:
    file = load(tmp_path, text)
    known = Known(**(vars(KNOWN) | change))
    return device_settings.check(mote_file.compile(file, boards.load(file.board), known))


def test_five_lines_are_a_mote(tmp_path):
    values = compiled(tmp_path, FIVE_LINES)
    assert (values.mote, values.channel, values.generation, values.connect) == ("kitchen", "tls", 3, "token")
    assert (values.i2c.sda, values.i2c.scl, values.onewire, values.led) == (21, 22, None, 2)
    assert values.sensors[0].names == {"temperature": "air", "humidity": "damp"}
    assert (values.wifi.ssid, values.wifi.country, values.backlog, values.room) == ("home", "DE", 262_144, True)


def test_file_comes_before_the_fleet_and_the_fleet_before_ironmote(tmp_path):
    fleet = mote_file.check_defaults({"sample_ms": 5000, "log": "debug", "health_s": 60}, "fleet.toml")
    wifi = '[wifi]\nssid = "barn"\npm = "none"\n'
    values = compiled(tmp_path, "sample_ms = 1000\n" + FIVE_LINES + wifi, defaults=fleet)
    assert (values.sample_ms, values.log, values.health_s, values.keepalive_s) == (1000, "debug", 60, 60)
    assert (values.wifi.ssid, values.wifi.pm, values.wifi.country) == ("barn", "none", "DE")
    with pytest.raises(MoteFileError, match=r"^fleet.toml: defaults.sample: no such setting; did you mean sample_ms\?"):
        mote_file.check_defaults({"sample": 5000}, "fleet.toml")
    with pytest.raises(MoteFileError, match=r"defaults.sensor: no such setting"):
        mote_file.check_defaults({"sensor": []}, "fleet.toml")


def test_people_write_hex_and_times_of_the_day(tmp_path):
    text = """board = "esp8266"
[[sensor]]
kind = "ds18b20"
rom = "28ff641e0f160345"
names = { temperature = "water" }
[[actuator]]
kind = "relay"
name = "pump"
pin = 12
safe = 0
[[rule]]
kind = "schedule"
actuator = "pump"
times = [["07:30", 1], ["22:00", 0]]
"""
    values = compiled(tmp_path, text)
    assert values.sensors[0].rom == bytes.fromhex("28ff641e0f160345")
    assert values.rules[0].times == [[450, 1], [1320, 0]]
    assert values.onewire.pin == 14
    assert values.i2c is None


def test_all_errors_are_said_at_once_with_line_and_nearest_word(tmp_path):
    text = """# a kitchen
board = "esp32"
sample_ms = 5
mote = "attic"

[[sensor]]
kind = "sht4x"
adress = 0x44
names = { temperture = "air" }

[[sensor]]
kind = "ds18b2"
names = { temperature = "air" }

[wifi]
password = "do not print this"
pm = "nine"

[[rule]]
kind = "schedule"
actuator = "pump"
times = [
  ["07:30", 1],
  ["27:30", 1],
]
"""
    assert errors(tmp_path, text) == [
        ":3: sample_ms: a whole number from 100 to 86400000",
        ":4: mote: not for this file: ironmote sets it",
        ":6: sensor[0].address: is missing",
        ":8: sensor[0].adress: no such setting; did you mean address?",
        ":9: sensor[0].names.temperture: one measures humidity, illuminance, pressure, temperature; "
        "did you mean temperature?",
        f":12: sensor[1].kind: one of {', '.join(sorted(kinds.SENSOR[3]))}; did you mean ds18b20?",
        ":16: wifi.password: no such setting; secrets are in the key store, never in this file",
        ":17: wifi.pm: one of none, performance, powersave; did you mean none?",
        ':22: rule[0].times[1][0]: a time of the day such as "07:30"',
    ]
    with pytest.raises(MoteFileError, match=r"100 to 86400000 \(and 8 more; ironmote check lists them\)$"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("board = 'esp32'\nled =\n", ":2: invalid value"),
        ("board = 'esp32'\nboard = 'esp32'\n", ":2: cannot overwrite a value"),
        ("[wifi\n", ":1: expected ']' at the end of a table declaration"),
        ('x = """\n\n', ":3: unterminated string"),
        (b"board = 'esp32'\n# \xff\n", ":2: not UTF-8"),
        ("x = " + "[" * 5000, ":1: nested too deeply"),
        ("x = " + "9" * 5000, ":1: a number that is too long"),
        ("#" * 70_000, ":1: more than 65536 bytes"),
        ("", ":1: board: is missing"),
        ("board = 'esp23'\n", ":1: board: no board is called 'esp23'; there are: "),
        ("board = 7\n", ":1: board: a text of 1 to 16 characters"),
        ("board = 'esp32'\nsensors = []\n", ":2: sensors: no such setting; did you mean [[sensor]]?"),
        ("board = 'esp32'\nsensor = 7\n", ":2: sensor: a list of at most 16"),
        ("board = 'esp32'\nsensor = [7]\n", ":2: sensor[0]: a table"),
        ("board = 'esp32'\n[[rule]]\nkind = 'light'\n", ":2: rule[0].actuator: is missing"),
        ('board = "esp32"\n"\\u001b[2J" = 1\n', ":2: ·[2J: no such setting"),
        (FIVE_LINES.replace("0x44", "2026-01-01"), ":5: sensor[0].address: a whole number from 3 to 119"),
        ("board = 'esp32'\n[[sensor]]\nkind = 'chip'\nnames = { temperature = 'die' }\n",
         ":3: sensor[0].kind: the chip of esp32 has no thermometer"),
        (FIVE_LINES + "r_25 = nan\n", ":7: sensor[0].r_25: no such setting"),
        (FIVE_LINES.replace('"damp"', '"air"'), ":6: sensor[0].names.humidity: the name air is taken"),
        ("sleep_ms = 86_000_000\n" + FIVE_LINES.replace("esp32", "pico-w"), ":1: sleep_ms: pico-w sleeps for 4294000"),
        (FIVE_LINES.replace("sht4x", "ds18b20").replace("address = 0x44", "rom = '28'"), ":5: sensor[0].rom: 8 to 8 b"),
        (FIVE_LINES.replace("[[sensor]]", "[sensor]"), ":3: sensor: one table for each: write [[sensor]], with two br"),
        (FIVE_LINES.replace("0x44", "44"), ":5: sensor[0].address: sht4x answers at 0x44 or 0x45 or 0x46, not at 0x2c"),
        (FIVE_LINES.replace("humidity", "pressure"), ":6: sensor[0].names.pressure: sht4x measures temperature, hum"),
        (FIVE_LINES + "[[sensor]]\nkind = 'sht3x'\naddress = 0x44\nnames = { humidity = 'b' }\n",
         ":9: sensor[1].address: 0x44 is that of sensor[0] already"),
        (FIVE_LINES + "".join(f"[[sensor]]\nkind = 'ds18b20'\nnames = {{ temperature = '{n}' }}\n" for n in "bc"),
         ":7: sensor[1].rom: is missing: 2 on one wire"),
        (FIVE_LINES + "".join(f"[[sensor]]\nkind = 'ds18b20'\nrom = '{8 * '28'}'\nnames = {{ temperature = '{n}' }}\n"
                              for n in "bc"),
         ":9: sensor[1].rom: another sensor has it too"),
        (FIVE_LINES + "[[actuator]]\nkind = 'dimmer'\nname = 'lamp'\npin = 18\nsafe = 0\n"
         "[[rule]]\nkind = 'light'\nactuator = 'lamp'\nsensor = 'air'\ntarget = 300\nhysteresis = 20\n",
         ":15: rule[0].sensor: air is temperature, and a light is held by illuminance"),
        (FIVE_LINES.replace("sht4x", "SHT4X"), ":4: sensor[0].kind: one of "),
        (FIVE_LINES + 2 * "[[value]]\nname = 'air'\n", ":10: value[1].name: air has an entry already"),
        (FIVE_LINES + "\n\n[wifi]\nssid = ''\n", ":10: wifi.ssid: a text of 1 to 32 characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is(tmp_path, text, said):
    assert errors(tmp_path, text)[0].startswith(said)


def test_word_in_capitals_and_the_beginning_of_a_word_are_recognized(tmp_path):
    assert errors(tmp_path, FIVE_LINES.replace("sht4x", "SHT4X"))[0].endswith("; did you mean sht4x?")
    assert errors(tmp_path, FIVE_LINES.replace("esp32", "ESP32"))[0].endswith("; did you mean esp32?")
    assert errors(tmp_path, FIVE_LINES.replace("temperature", "temp"))[0].endswith("; did you mean temperature?")


def test_what_a_part_measures_and_its_address_are_those_that_its_driver_is_tried_with():
    assert set(sensor_parts.PARTS) == set(kinds.SENSOR[3]) == set(sensor_bench.KINDS)
    for kind in sensor_bench.KINDS:
        spec = sensor_bench.sensor_of(kind)
        measures, addresses = sensor_parts.PARTS[kind]
        assert set(spec["names"]) == set(measures), kind
        assert spec.get("address") in (addresses or (None,)), kind


def test_settings_that_a_mote_would_not_read_are_refused(tmp_path):
    text = "board = 'esp32'\n"
    for number in range(16):
        names = ", ".join(f"{quantity} = '{number}/{quantity}{'x' * 16}'" for quantity in sorted(record.UNITS))
        text += f"[[sensor]]\nkind = 'bme280'\naddress = {3 + number}\nnames = {{ {names} }}\n"
    for number in range(16):
        table = ", ".join(f"[{point}.1, 2.7]" for point in range(8))
        text += f"[[value]]\nname = '{number}/temperature{'x' * 16}'\ntable = [{table}]\n"
    assert errors(tmp_path, text)[0].endswith("bytes as settings, and a mote reads 4096; name less")


def test_line_of_everything_in_a_text_is_found():
    text = """a = 1
[t]
b = [
  1,
  2,
]
# c is below
c.d = 3
[[u]]
[[u]]
e = '''
x = 1
'''
f = 2
"""
    lines = toml_lines.Lines(text.replace("\n", "\r\n").encode())
    for path, line in (
        (("a",), 1), (("t",), 2), (("t", "b"), 3), (("t", "b", 1), 3), (("t", "c"), 8), (("t", "c", "d"), 8),
        (("u",), 9), (("u", 1), 10), (("u", 1, "e"), 11), (("u", 1, "f"), 14), (("u", 1, "none"), 10), (("none",), 1),
        ((), 1),
    ):  # fmt: skip
        assert lines.line(path) == line, path


KINDS = {"sensor": kinds.SENSOR, "actuator": kinds.ACTUATOR, "rule": kinds.RULE}
_WORDS = ["esp32", "esp8266", "sht4x", "ntc", "relay", "schedule", "thermostat", "air", "28" * 8, "07:30"]
_KEYS = st.one_of(
    st.sampled_from(
        sorted(
            {"board", "sensor", "value", "actuator", "rule", "allow_strapping", *device_settings.FIELDS}
            | {"ssid", "sda", "pin", "freq_hz", *record.UNITS, *kinds.VALUE[2]}
            | {name for rule in KINDS.values() for name in rule[2]}
            | {name for rule in KINDS.values() for each in rule[3].values() for name in each}
        )
    ),
    st.text(max_size=4),
)  # fmt: skip
_VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-(2**70), 2**70), st.integers(0, 64), st.floats(), st.text(max_size=5),
        st.datetimes(), st.times(),
        st.sampled_from(_WORDS),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


def _of_rule(rule, pins):
    """What the rule of a field takes, as an owner writes it."""
    kind = rule[0]
    if rule is kinds.PIN:
        return st.sampled_from(pins)
    if kind in (schema.MAYBE, schema.PART):
        return _of_rule(rule[1], pins)
    if kind == schema.INT:
        return st.integers(rule[1], rule[2])
    if kind == schema.NUMBER:
        return st.floats(rule[1], rule[2])
    if kind == schema.FLAG:
        return st.booleans()
    if kind == schema.BYTES:
        return st.binary(min_size=rule[1], max_size=rule[2]).map(bytes.hex)
    if kind == schema.LIST:
        return st.lists(_of_rule(rule[2], pins), max_size=rule[1])
    return _VALUES


@st.composite
def _tables(draw):
    """Tables with what the rules take; in half of them something is replaced by anything."""
    board = draw(st.sampled_from(sorted(PROFILES)))
    pins = draw(st.permutations(sorted(PROFILES[board].pins.usable)))
    table: dict = {"board": board, "allow_strapping": sorted(set(pins) & set(PROFILES[board].pins.strapping))}
    count = 0
    for part, rule in KINDS.items():
        for _ in range(draw(st.integers(0, 2))):
            count += 1
            kind = draw(st.sampled_from(sorted(rule[3])))
            spec: dict = {"kind": kind}
            for name, wanted in (rule[2] | rule[3][kind]).items():
                if name == "names":
                    spec[name] = {"temperature": f"t{count}"}
                elif name == "name":
                    spec[name] = f"a{count}"
                elif name in ("actuator", "sensor"):
                    spec[name] = draw(st.sampled_from(["t1", "t2", "a1", "a2", "a3"]))
                elif name != "kind" and (wanted[0] != schema.MAYBE or draw(st.booleans())):
                    spec[name] = (
                        pins.pop() if wanted is kinds.PIN and pins else draw(_of_rule(wanted, sorted(pins) or [0]))
                    )
            table.setdefault(part, []).append(spec)
    if draw(st.booleans()):
        table |= draw(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=2))
    for part in KINDS:
        for spec in table[part] if isinstance(table.get(part), list) and draw(st.booleans()) else ():
            if isinstance(spec, dict):
                spec |= draw(st.dictionaries(_KEYS, _VALUES, max_size=1))
    return table


def _find(name):
    if name not in PROFILES:
        raise IronmoteError(f"no board is called {name!r}")
    return PROFILES[name]


def tried(kind, function, *arguments):
    """What the function returns, and what it raised of `kind`: one of them is None."""
    try:
        return function(*arguments), None
    except kind as error:
        return None, error


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.dictionaries(_KEYS, _VALUES, max_size=6), _tables()))
def test_any_table_is_the_settings_of_a_mote_or_a_mote_file_error(table):
    file, told = tried(MoteFileError, mote_file.of_table, table, "kitchen.toml", _find)
    if file is None:
        assert 1 <= len(told.errors) <= mote_file.MOST_ERRORS
        assert all(line.isprintable() for line in told.errors)
        return
    profile = PROFILES[file.board]
    encoded = device_settings.to_cbor(mote_file.compile(file, profile, KNOWN))
    values = device_settings.Settings.from_cbor(encoded)
    assert values.board == table["board"]
    assert len(encoded) <= mote_file.LARGEST_SETTINGS


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_toml_or_an_error_with_a_line(data):
    lines, told = tried(toml_lines.TomlError, toml_lines.Lines, data)
    if lines is None:
        assert 1 <= told.line <= data.count(b"\n") + 1
        return
    for name in lines.table:
        assert 1 <= lines.line((name,)) <= data.count(b"\n") + 1
