"""What each kind of sensor measures and where it answers on I2C (docs/HARDWARE.md), and what is wrong with a choice.

A mote with the wrong address, or asked for what its part does not measure, starts and reports nothing: a mistake for
the desk, not for the wall.
"""

from collections.abc import Mapping
from typing import Any

_AIR = ("temperature", "humidity")
_LIGHT = ("illuminance",)
# Kind -> what it measures, and the addresses that its pins can give it (none where it is not on I2C).
PARTS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "bme280": ((*_AIR, "pressure"), (0x76, 0x77)),
    "bmp280": (("temperature", "pressure"), (0x76, 0x77)),
    "sht3x": (_AIR, (0x44, 0x45)),
    "sht4x": (_AIR, (0x44, 0x45, 0x46)),
    "aht20": (_AIR, (0x38,)),
    "tmp117": (("temperature",), (0x48, 0x49, 0x4A, 0x4B)),
    "ds18b20": (("temperature",), ()),
    "dht22": (_AIR, ()),
    "ntc": (("temperature",), ()),
    "chip": (("temperature",), ()),
    "bh1750": (_LIGHT, (0x23, 0x5C)),
    "tsl2591": (_LIGHT, (0x29,)),
    "veml7700": (_LIGHT, (0x10,)),
    "ldr": (_LIGHT, ()),
}


def wrong(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with the sensors of `settings` (mote.settings, checked) and rules by them: the field, and why."""
    found = []
    seen: dict[int, int] = {}
    on_wire = [sensor.get("rom") for sensor in settings["sensors"] if sensor["kind"] == "ds18b20"]
    quantities = {name: quantity for sensor in settings["sensors"] for quantity, name in sensor["names"].items()}
    for number, sensor in enumerate(settings["sensors"]):
        kind, field = sensor["kind"], f"sensors[{number}]"
        measures, addresses = PARTS[kind]
        for quantity in sensor["names"]:
            if quantity not in measures:
                found.append((f"{field}.names.{quantity}", f"{kind} measures {', '.join(measures)}"))
        if kind == "ds18b20" and len(on_wire) > 1:
            if sensor.get("rom") is None:
                found.append((f"{field}.rom", f"is missing: {len(on_wire)} on one wire are told apart by theirs"))
            elif on_wire.count(sensor["rom"]) > 1:
                found.append((f"{field}.rom", "another sensor has it too"))
        address = sensor.get("address")
        if address is None:
            continue
        if address not in addresses:
            there = " or ".join(f"0x{each:02x}" for each in addresses)
            found.append((f"{field}.address", f"{kind} answers at {there}, not at 0x{address:02x}, which is {address}"))
        elif address in seen:
            words = f"0x{address:02x} is that of sensor[{seen[address]}] already; one bus cannot tell them apart"
            found.append((f"{field}.address", words))
        seen.setdefault(address, number)
    for number, rule in enumerate(settings.get("rules", ())):
        if rule["kind"] == "light" and quantities[rule["sensor"]] != "illuminance":
            words = f"{rule['sensor']} is {quantities[rule['sensor']]}, and a light is held by illuminance"
            found.append((f"rules[{number}].sensor", words))
    return found
