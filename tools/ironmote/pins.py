"""Which pins a mote's settings use and for what, and what is wrong with that on its board.

A pin that boots the chip into the wrong mode, or belongs to its flash, shows only once the board hangs on a wall. So
settings are refused for it before they are written.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mote import kinds, schema

from .boards import Profile, spans

INPUT = "input"
OUTPUT = "output"
BUS = "bus"  # driven and read
ANALOG = "analog"
PWM = "pwm"

_ROLES = {
    ("sensors", "ntc", "pin"): ANALOG,
    ("sensors", "ldr", "pin"): ANALOG,
    ("actuators", "dimmer", "pin"): PWM,
    ("actuators", "servo", "pin"): PWM,
    ("actuators", "buzzer", "pin"): PWM,
    ("actuators", "relay", "sense"): INPUT,
}
# Of pins that are not named above: what a driver of that kind may do with them.
_OTHERWISE = {"sensors": BUS, "actuators": OUTPUT}
_RULES = {"sensors": kinds.SENSOR, "actuators": kinds.ACTUATOR}


@dataclass(frozen=True)
class Use:
    """A pin in the settings: the field that names it, as a mote's file has it, and one of the uses above."""

    field: str
    pin: int
    role: str


def uses(settings: Mapping[str, Any]) -> Iterator[Use]:
    """Every pin that `settings` (mote.settings, checked) use, buses first."""
    for bus, fields in (("i2c", ("sda", "scl")), ("onewire", ("pin",))):
        for field in fields if settings.get(bus) else ():
            yield Use(f"{bus}.{field}", settings[bus][field], BUS)
    for part, rule in _RULES.items():
        for number, spec in enumerate(settings[part]):
            kind = spec["kind"]
            for field, wanted in (rule[2] | rule[3][kind]).items():
                is_pin = wanted is kinds.PIN or (wanted[0] == schema.MAYBE and wanted[1] is kinds.PIN)
                if is_pin and spec.get(field) is not None:
                    role = _ROLES.get((part, kind, field), _OTHERWISE[part])
                    yield Use(f"{part[:-1]}[{number}].{field}", spec[field], role)
    if settings.get("led") is not None:
        yield Use("led", settings["led"], OUTPUT)


def wrong(profile: Profile, settings: Mapping[str, Any], allowed: Collection[int] = ()) -> list[tuple[str, str]]:
    """What is wrong with the pins of `settings` on the board: the field, and why in words.

    `allowed` are the strapping pins that the owner takes the risk of. The module's own LED may be where its maker put
    it.
    """
    found = []
    seen: dict[tuple[bool, int], str] = {}
    for use in uses(settings):
        apart = use.role == ANALOG and profile.pins.adc_apart
        if (apart, use.pin) in seen:
            found.append((use.field, f"pin {use.pin} is that of {seen[apart, use.pin]} already"))
            continue
        seen[apart, use.pin] = use.field
        words = _wrong(profile, use, allowed, bool(settings.get("sleep_ms")))
        if words:
            found.append((use.field, words))
    for pin in allowed:
        if pin not in profile.pins.strapping:
            found.append(("allow_strapping", f"pin {pin} is no strapping pin of {profile.name}; {_straps(profile)}"))
    return found


def _wrong(profile: Profile, use: Use, allowed: Collection[int], sleeps: bool) -> str | None:
    pins, pin = profile.pins, use.pin
    if use.role == ANALOG and pins.adc_apart:
        return None if pin in pins.adc else f"{profile.name} has one analog input, and its number is {spans(pins.adc)}"
    if pin in pins.taken:
        return f"pin {pin} is taken by {pins.taken[pin]}"
    if pin not in pins.usable:
        return f"{profile.name} has no pin {pin}; it has {spans(pins.usable)}"
    if use.role in (OUTPUT, BUS, PWM) and pin in pins.input_only:
        return f"pin {pin} can only be an input"
    if use.role == ANALOG and pin in pins.adc_without_wifi:
        return f"pin {pin} measures no voltage while there is Wi-Fi; {spans(pins.adc)} do"
    if use.role == ANALOG and pin not in pins.adc:
        return f"pin {pin} measures no voltage; {spans(pins.adc)} do"
    if use.role == PWM and pin in pins.no_pwm:
        return f"pin {pin} has no PWM"
    if sleeps and pin == pins.wake:
        return f"pin {pin} ends the deep sleep of sleep_ms: it is wired to the reset pin"
    own = use.field == "led" and pin == profile.wiring.led
    if pin in pins.strapping and pin not in allowed and not own:
        return (
            f"pin {pin} is a strapping pin: {pins.strapping[pin]}; "
            f"take another, or write allow_strapping = [{pin}] where what hangs there cannot do that"
        )
    return None


def _straps(profile: Profile) -> str:
    return f"{spans(set(profile.pins.strapping))} are" if profile.pins.strapping else "it has none"
