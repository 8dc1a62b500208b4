"""What a value means to the hardware: levels, duties and pulses. Pure; raises ActuatorError for what means nothing.

Duties are from 0 to 65535, the whole period, as machine.PWM.duty_u16 takes them.
"""

from mote import const
from mote.actuators import ActuatorError

FULL = const(65535)
HALF = const(32768)  # of a square wave
SERVO_HZ = const(50)
DIMMER_HZ = const(1000)
_MIN_US = const(500)
_MAX_US = const(2500)
_SERVO_PERIOD_US = const(20000)
_HIGHEST_HZ = const(20000)


def number(value, highest, words):
    """Return `value` where it is a number from 0 to `highest`; a bool is none, and a NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        raise ActuatorError("it takes " + words)
    return value


def on_or_off(value):
    """Return 1 or 0 for True, False, 1 or 0."""
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return int(value)
    raise ActuatorError("it takes on or off")


def percent(value):
    """Return `value`, 0 to 100 percent."""
    return number(value, 100, "0 to 100 percent")


def degrees(value):
    """Return `value`, 0 to 180 degrees."""
    return number(value, 180, "0 to 180 degrees")


def hertz(value):
    """Return `value`, a frequency of 0 (off) to 20,000 Hz, as a whole number."""
    return int(number(value, _HIGHEST_HZ, "0 to 20000 Hz"))


def duty(value, gamma):
    """Return the duty for `value` percent of brightness; `gamma` is the eye's, or None where the part is linear."""
    share = value / 100
    if gamma:
        share = share**gamma
    return int(share * FULL + 0.5)


def brightness(duty, gamma):
    """Return the percent of brightness of a duty, rounded to a tenth: chips have 10 bits or more."""
    share = duty / FULL
    if gamma:
        share = share ** (1 / gamma)
    return round(share * 100, 1)


def pulse(angle, min_us, max_us):
    """Return the duty of a servo at `angle` degrees, whose pulses take `min_us` at 0 and `max_us` at 180; 500, 2500."""
    least = min_us or _MIN_US
    pulse_us = least + ((max_us or _MAX_US) - least) * angle / 180
    return int(pulse_us * FULL / _SERVO_PERIOD_US + 0.5)


def at_rest(spec):
    """Return the frequency in hertz (0 for a plain level) and the duty of the safe state of `spec`, a checked dict."""
    kind = spec["kind"]
    safe = spec["safe"]
    if kind in ("relay", "led"):
        return 0, 0 if safe == (1 if spec.get("low") else 0) else FULL
    if kind == "servo":
        return SERVO_HZ, pulse(safe, spec.get("min_us"), spec.get("max_us"))
    if kind == "dimmer":
        return spec.get("freq_hz") or DIMMER_HZ, duty(safe, spec.get("gamma"))
    return (spec.get("freq_hz") or safe, HALF) if safe else (0, 0)
