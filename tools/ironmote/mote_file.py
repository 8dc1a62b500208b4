"""motes/<id>.toml: what an owner writes of a mote, checked here, and the settings that the mote is given.

    board = "esp32"

    [[sensor]]
    kind = "sht4x"
    address = 0x44
    names = { temperature = "air", humidity = "damp" }

is enough. What it leaves out comes from the fleet's defaults, then from the board's profile and the table below.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mote import channel, schema
from mote import settings as device_settings

from . import boards, owner_check, pins, sensor_parts
from .boards import Profile
from .errors import IronmoteError
from .nearest import nearest
from .plain import plain
from .toml_lines import Lines, TomlError

MOST_ERRORS = 10
LARGEST_SETTINGS = 4096  # bytes that a mote reads

# Lists of tables, by their names in the file: [[sensor]] once for each.
_LISTS = {"sensor": "sensors", "value": "values", "actuator": "actuators", "rule": "rules"}
_PLURALS = {device: owner for owner, device in _LISTS.items()}
# What the fleet, its brokers and the board's profile say, and no owner's file.
_NOT_HERE = ("v", "mote", "fleet", "generation", "room", "broker", "connect", "clock_floor")
_STRAPPING = "allow_strapping"
_BOARD = (schema.TEXT, 1, 16)
_PINS = (schema.LIST, 16, (schema.INT, 0, 63))
DEFAULTS: Mapping[str, Any] = {
    "channel": channel.AUTO,
    "floor": channel.SEALED,
    "keepalive_s": 60,
    "timeout_ms": 10_000,
    "sample_ms": 10_000,
    "command_age_s": 60,
    "ntp": "pool.ntp.org",
    "outbox": 32,
}
_I2C_HZ = 100_000


class MoteFileError(IronmoteError):
    """The file is not that of a mote. `errors` are its first ten, a line each: file, line, field, what is wrong."""

    def __init__(self, errors: Sequence[str]) -> None:
        more = f" (and {len(errors) - 1} more; ironmote check lists them)" if len(errors) > 1 else ""
        super().__init__(errors[0] + more)
        self.errors = tuple(errors)


@dataclass(frozen=True)
class MoteFile:
    """What an owner wants of a mote; `fields` have the names and the form of the device's settings.

    `path` is for people. `channel` is what is wished, "auto" or one of mote.channel.CHANNELS; `zone` None is the
    fleet's own choice. `allow_strapping` are pins that the owner answers for.
    """

    path: str
    board: str
    channel: str
    floor: str
    zone: str | None
    allow_strapping: tuple[int, ...]
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Known:
    """What the fleet knows of a mote, and its file does not say.

    `broker` is one or several (host, port, name); `channel` the one decided; `wifi` what the file does not say itself;
    `clock_floor` in seconds since 1970; `defaults` those of the fleet, checked by `check_defaults`.
    """

    mote: str
    fleet: bytes
    zone: str
    broker: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    generation: int
    channel: str
    wifi: Mapping[str, Any]
    clock_floor: int
    connect: str = "token"
    defaults: Mapping[str, Any] = field(default_factory=dict)


# What stands in for it while a file alone is looked at: nothing in it is wrong, and its texts are as long as they get.
NOBODY = Known(
    mote="m" * 23,
    fleet=bytes(32),
    zone="z" * 23,
    broker={"host": "h" * 64, "port": 8883, "name": "n" * 64},
    generation=255,
    channel=channel.AUTO,
    wifi={"ssid": "s" * 32},
    clock_floor=0xFFFFFFFF,
)


def load(path: Path, find: Callable[[str], Profile] = boards.load) -> MoteFile:
    """The mote file at `path`; `find` gives a board's profile by name. Raises MoteFileError, or OSError of reading."""
    try:
        lines = Lines(path.read_bytes())
    except FileNotFoundError:
        raise MoteFileError([f"{plain(str(path))}: there is no such file{_meant(path)}"]) from None
    except TomlError as error:
        raise MoteFileError([f"{path}:{error.line}: {plain(str(error))}"]) from error
    return of_table(lines.table, str(path), find, lines.line)


def _meant(path: Path) -> str:
    """The file that somebody may have meant who named one that is not there, or a mote in place of its file."""
    beside = path.with_name(f"{path.name}.toml")
    for each in (beside, path.parent / "motes" / beside.name):
        if each.is_file():
            return f"; did you mean {each}?"
    return nearest(path.name, (each.name for each in path.parent.glob("*.toml")))


def of_table(
    table: Mapping[str, Any],
    path: str,
    find: Callable[[str], Profile] = boards.load,
    line: Callable[[owner_check.Path], int] | None = None,
) -> MoteFile:
    """The mote that `table` describes as a file would; `line` says on which line something is. Raises MoteFileError."""
    check = owner_check.Check()
    found = _checked(table, {"board": _BOARD, _STRAPPING: _PINS} | rules(), check, ("board",))
    profile = None
    if isinstance(found.get("board"), str):
        try:
            profile = find(found["board"])
        except IronmoteError as error:
            check.fail(("board",), str(error))
    if not check.errors and profile is not None:
        fields = {name: value for name, value in found.items() if name not in ("board", _STRAPPING, "zone")}
        made = MoteFile(
            path,
            profile.name,
            fields.get("channel", channel.AUTO),
            fields.get("floor", channel.SEALED),
            found.get("zone"),
            tuple(found.get(_STRAPPING, ())),
            fields,
        )
        check.errors += _wrong(_settings(made, profile, NOBODY), profile, made)
        if not check.errors:
            return made
    raise MoteFileError(_tell(path, check.errors, line))


def check_defaults(
    table: Mapping[str, Any], path: str, line: Callable[[owner_check.Path], int] | None = None
) -> dict[str, Any]:
    """The [defaults] of a fleet's file, as `Known` takes them. Raises MoteFileError."""
    check = owner_check.Check()
    allowed = {name: rule for name, rule in rules().items() if name not in _LISTS}
    found = _checked(table, allowed, check, ())
    if check.errors:
        raise MoteFileError(_tell(path, [(("defaults", *where), words) for where, words in check.errors], line))
    return found


def compile(file: MoteFile, profile: Profile, known: Known) -> dict[str, Any]:
    """The settings of the mote (mote.settings), checked as the mote will. Raises MoteFileError."""
    settings = _settings(file, profile, known)
    errors = _wrong(settings, profile, file)
    if errors:
        raise MoteFileError(_tell(file.path, errors, None))
    return settings


def rules() -> dict[str, owner_check.Rule]:
    """What the top level of a file takes, by its names there."""
    found = {_PLURALS.get(name, name): rule for name, rule in device_settings.FIELDS.items() if name not in _NOT_HERE}
    found["wifi"] = _partly(found["wifi"])  # over what the fleet says
    found["i2c"] = _partly(found["i2c"][1])  # over the board's wiring
    found["onewire"] = _partly(found["onewire"][1])
    return found


def _partly(rule: owner_check.Rule) -> owner_check.Rule:
    """The rule of a table all of whose fields may be left out."""
    return (*rule[:2], {name: (schema.MAYBE, each) for name, each in rule[2].items()})


def _checked(
    table: Mapping[str, Any], rules: Mapping[str, owner_check.Rule], check: owner_check.Check, needed: Iterable[str]
) -> dict[str, Any]:
    known = {name: value for name, value in table.items() if name not in _NOT_HERE}
    for name in table:
        if name in _NOT_HERE:
            check.fail((name,), "not for this file: ironmote sets it")
        elif name in _PLURALS:
            check.fail((name,), f"no such setting; did you mean [[{_PLURALS[name]}]]?")
            del known[name]
    found = check.table(known, rules, (), needed)
    return {_LISTS.get(name, name): value for name, value in found.items()}


def _settings(file: MoteFile, profile: Profile, known: Known) -> dict[str, Any]:
    wiring = profile.wiring
    fields = dict(DEFAULTS) | {"backlog": profile.backlog_bytes}
    fields |= {"sensors": [], "actuators": [], "i2c": {}, "onewire": {}}
    fields |= dict(known.defaults) | dict(file.fields)
    kinds = {sensor["kind"] for sensor in fields["sensors"]}
    on_i2c = any("address" in sensor for sensor in fields["sensors"])
    i2c = {"sda": wiring.i2c_sda, "scl": wiring.i2c_scl, "freq_hz": _I2C_HZ} | fields["i2c"]
    onewire = {"pin": wiring.onewire} | fields["onewire"]
    settings = fields | {
        "v": device_settings.VERSION,
        "mote": known.mote,
        "fleet": known.fleet,
        "board": profile.name,
        "zone": known.zone,
        "generation": known.generation,
        "channel": known.channel,
        "room": profile.room,
        "wifi": dict(known.wifi) | fields.get("wifi", {}),
        "broker": known.broker,
        "connect": known.connect,
        "clock_floor": known.clock_floor,
        "i2c": i2c if on_i2c or "i2c" in file.fields else None,
        "onewire": onewire if "ds18b20" in kinds or "onewire" in file.fields else None,
    }
    # The module's own LED shows how the mote is, unless its pin was wanted for something else.
    if "led" not in settings:
        used = {use.pin for use in pins.uses(settings) if use.role != pins.ANALOG}
        settings["led"] = None if wiring.led in used else wiring.led
    return settings


def _wrong(settings: Mapping[str, Any], profile: Profile, file: MoteFile) -> list[tuple[owner_check.Path, str]]:
    """What the mote would say of `settings`, or else what is wrong with their pins on its board."""
    if "ssid" not in settings["wifi"]:
        words = "is missing: name the network that it joins, here or for all motes in [wifi] of fleet.toml"
        return [(("wifi", "ssid"), words)]
    try:
        data = device_settings.to_cbor(dict(settings))
        device_settings.Settings.from_cbor(data)
    except device_settings.SettingsError as error:
        return [(_path(error.field), str(error).partition(": ")[2])]
    if len(data) > LARGEST_SETTINGS:
        return [((), f"{len(data)} bytes as settings, and a mote reads {LARGEST_SETTINGS}; name less")]
    for number, sensor in enumerate(settings["sensors"]):
        if sensor["kind"] == "chip" and not profile.thermometer:
            return [(("sensor", number, "kind"), f"the chip of {profile.name} has no thermometer that a mote reads")]
    longest = profile.longest_sleep_ms
    if longest is not None and settings.get("sleep_ms", 0) > longest:
        return [(("sleep_ms",), f"{profile.name} sleeps for {longest} at most")]
    if not settings["ntp"].strip(" ,"):
        if settings["channel"] in ("tls", "tls+sealed"):
            return [(("ntp",), f"a time server: on {settings['channel']} no certificate is judged without the time")]
        if any(rule["kind"] == "schedule" for rule in settings.get("rules", ())):
            return [(("ntp",), "a time server: a schedule goes by the time of day")]
    wrong = sensor_parts.wrong(settings) + pins.wrong(profile, settings, file.allow_strapping)
    return [(_path(where), words) for where, words in wrong]


def _path(text: str) -> owner_check.Path:
    """Where in the file the device's words for a field point to: sensors[0].names.damp is sensor, 0, names, damp."""
    found: list[str | int] = []
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", text):
        found.append(int(number) if number else name)
    if found and found[0] in _PLURALS:
        found[0] = _PLURALS[str(found[0])]
    return tuple(found)


def _tell(
    path: str, errors: Iterable[tuple[owner_check.Path, str]], line: Callable[[owner_check.Path], int] | None
) -> list[str]:
    """The first errors, a line each, in their order in the file."""
    told = []
    for where, words in errors:
        text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in where).removeprefix(".")
        at = line(where) if line else 0
        told.append((at, plain(f"{path}{f':{at}' if at else ''}: {f'{text}: ' if text else ''}{words}")))
    return [words for _, words in sorted(told, key=lambda each: each[0])[:MOST_ERRORS]]
