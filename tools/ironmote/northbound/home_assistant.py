"""Home Assistant's MQTT discovery: one retained configuration for each entity. Pure: no connection, no file.

What entities show are the last values of their mote, one JSON object by the names of its readings.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery says what is in them. A switch needs Home Assistant
2024.8 or later: only there its command is made by a template, which a command with an id and a deadline needs.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mote import __version__, topics

from ..roles import DISCOVERY

NUMBER, FLAG, TEXT = "number", "flag", "text"  # what a reading's value is

_WITHIN_S = 20  # in which a command has to be obeyed
_DEGREES = 57.29578  # of a radian
_FULL = 2.55  # of Home Assistant's brightness for a percent
_LARGEST_HZ = 20_000


@dataclass(frozen=True)
class Described:
    """What the owner's file says of a mote. `names` are all that it can report; `actuators` have their settings."""

    board: str
    names: frozenset[str] = frozenset()
    actuators: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Device:
    """A mote as Home Assistant shows it. `fleet` is the fleet's id in hexadecimal."""

    fleet: str
    mote: str
    board: str
    version: str = ""  # of ironmote, as the mote said it


@dataclass(frozen=True)
class _Quantity:
    unit: str | None
    kind: str | None = None  # Home Assistant's device class
    factor: float = 1


# SenML units (RFC 8428, 12.1, RFC 8798) as Home Assistant calls them.
_QUANTITIES = {
    "Cel": _Quantity("°C", "temperature"),
    "K": _Quantity("K", "temperature"),
    "%RH": _Quantity("%", "humidity"),
    "Pa": _Quantity("Pa", "atmospheric_pressure"),
    "lx": _Quantity("lx", "illuminance"),
    "V": _Quantity("V", "voltage"),
    "mV": _Quantity("mV", "voltage"),
    "A": _Quantity("A", "current"),
    "mA": _Quantity("mA", "current"),
    "W": _Quantity("W", "power"),
    "Hz": _Quantity("Hz", "frequency"),
    "s": _Quantity("s", "duration"),
    "m": _Quantity("m", "distance"),
    "m/s": _Quantity("m/s", "speed"),
    "kg": _Quantity("kg", "weight"),
    "%EL": _Quantity("%", "battery"),
    "/": _Quantity("%", None, 100),
    "rad": _Quantity("°", None, _DEGREES),
}


def reading(device: Device, name: str, unit: str | None, kind: str) -> tuple[str, dict[str, Any]]:
    """Topic and configuration of what a mote reports as `name`; `kind` is NUMBER, FLAG or TEXT."""
    config = _common(device, name, _title(name)) | {"state_topic": latest_topic(device.mote)}
    if kind == FLAG:
        is_alarm = name.endswith((":high", ":low"))
        return _entity(
            device,
            "binary_sensor",
            name,
            config
            | ({"device_class": "problem"} if is_alarm else {})
            | {"value_template": _of(name, "'ON' if r else 'OFF'"), "payload_on": "ON", "payload_off": "OFF"},
        )
    if kind == TEXT:
        return _entity(device, "sensor", name, config | {"value_template": _of(name, "r")})
    quantity = _QUANTITIES.get(unit or "", _Quantity(unit or None))
    value = "r" if quantity.factor == 1 else f"(r * {quantity.factor}) | round(2)"
    config |= {"value_template": _of(name, value), "state_class": "measurement"}
    if quantity.kind is not None:
        config["device_class"] = quantity.kind
    if quantity.unit is not None:
        config["unit_of_measurement"] = quantity.unit
    return _entity(device, "sensor", name, config)


def _light(name: str, on: str, off: str, is_on: str) -> dict[str, Any]:
    """Of a light's configuration: what is sent for on and off, and what of the reading `r` says that it is on."""
    return {
        "schema": "template",
        "command_on_template": _command(name, on),
        "command_off_template": _command(name, off),
        "state_template": _of(name, f"'on' if {is_on} else 'off'", "'None'"),
    }


def actuator(device: Device, name: str, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Topic and configuration of an actuator, by its `kind` and settings in the mote's file.

    What is shown is the state that the mote reports. A command that is refused changes nothing of it.
    """
    kind = settings["kind"]
    config = _common(device, name, _title(name))
    config |= {"state_topic": latest_topic(device.mote), "command_topic": _topic(device, "down")}
    if kind == "dimmer":
        percent = f"{{{{ (brightness / {_FULL}) | round(1) if brightness is defined else 100 }}}}"
        brightness = f"(r * {_FULL * 100:.0f}) | round(0, 'ceil') | int"
        config |= _light(name, percent, "0", "r > 0") | {"brightness_template": _of(name, brightness, "0")}
        return _entity(device, "light", name, config)
    if kind == "led":
        return _entity(device, "light", name, config | _light(name, "true", "false", "r"))
    if kind == "servo" or (kind == "buzzer" and settings.get("freq_hz") is None):
        servo = kind == "servo"
        return _entity(
            device,
            "number",
            name,
            config
            | {
                "min": 0,
                "max": 180 if servo else _LARGEST_HZ,
                "step": 1,
                "mode": "slider" if servo else "box",
                "unit_of_measurement": "°" if servo else "Hz",
                "command_template": _command(name, "{{ value }}"),
                "value_template": _of(name, f"(r * {_DEGREES}) | round(1)" if servo else "r"),
            }
            | ({} if servo else {"device_class": "frequency"}),
        )
    return _entity(
        device,
        "switch",
        name,
        config
        | {
            "payload_on": "true",
            "payload_off": "false",
            "state_on": "true",
            "state_off": "false",
            "command_template": _command(name, "{{ value }}"),
            "value_template": _of(name, "'true' if r else 'false'"),
        },
    )


def latest_topic(mote: str) -> str:
    """Where the last values of a mote are: retained, so that a Home Assistant that starts knows what is on."""
    return f"{DISCOVERY}/ironmote/{mote}/latest"


def diagnostics(device: Device) -> Iterable[tuple[str, dict[str, Any]]]:
    """Topics and configurations of what every mote says of itself in its status."""
    yield _entity(
        device,
        "binary_sensor",
        "_online",
        _common(device, "_online", "Online", always=True)
        | {
            "state_topic": _topic(device, "state"),
            "value_template": "{{ 'ON' if value_json.online else 'OFF' }}",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        },
    )
    numbers: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("rssi", "Signal", {"device_class": "signal_strength", "unit_of_measurement": "dBm"}),
        ("free", "Free memory", {"device_class": "data_size", "unit_of_measurement": "B"}),
        ("refused", "Commands refused", {}),
        ("dropped", "Records dropped", {}),
    )
    for said, title, more in numbers:
        config = _common(device, "_" + said, title) | _state(device, said, "''") | more
        yield _entity(device, "sensor", "_" + said, config | {"state_class": "measurement"})
    config = _common(device, "_channel", "Channel") | _state(device, "channel", "this.state")
    yield _entity(device, "sensor", "_channel", config)


def _state(device: Device, field_name: str, otherwise: str) -> dict[str, Any]:
    template = f"{{{{ value_json.{field_name} if '{field_name}' in value_json else {otherwise} }}}}"
    topic = _topic(device, "state")
    return {"state_topic": topic, "value_template": template, "entity_category": "diagnostic"}


def _common(device: Device, name: str, title: str, always: bool = False) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": title,
        "unique_id": f"ironmote-{device.fleet[:8]}-{device.mote}-{_object(name)}",
        "qos": 1,
        "device": {
            "identifiers": [f"ironmote-{device.fleet[:8]}-{device.mote}"],
            "name": device.mote,
            "manufacturer": "ironmote",
            "model": device.board,
        }
        | ({"sw_version": device.version} if device.version else {}),
        "origin": {"name": "ironmote", "sw_version": __version__},
    }
    if not always:
        config["availability_topic"] = _topic(device, "state")
        config["availability_template"] = "{{ 'online' if value_json.online else 'offline' }}"
    return config


def _entity(device: Device, component: str, name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return f"{DISCOVERY}/{component}/ironmote-{device.mote}/{_object(name)}/config", config


def _topic(device: Device, leaf: str) -> str:
    topic: str = topics.open_topic(device.mote, leaf).decode()
    return topic


def _of(name: str, value: str, otherwise: str = "''") -> str:
    """A template that gives `value` of the last value `r` of that name, or `otherwise` where there was none yet.

    Names have no letter that would end a text in a template (mote.record).
    """
    return f"{{% set r = (value_json | default({{}}))['{name}'] %}}{{{{ ({value}) if r is defined else {otherwise} }}}}"


def _command(name: str, value: str) -> str:
    draw = ", ".join(["range(65536) | random"] * 4)
    return (
        f'{{"id":"{{{{ \'%04x%04x%04x%04x\' | format({draw}) }}}}","name":"{name}","value":{value},'
        f'"deadline":{{{{ (now().timestamp() + {_WITHIN_S}) | int }}}}}}'
    )


def _title(name: str) -> str:
    return name.replace(":", " ").replace("_", " ")


def _object(name: str) -> str:
    """`name` as a level of a discovery topic: letters, digits, _ and -. No two names have the same."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
