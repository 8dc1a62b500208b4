"""A resistor that changes, in a voltage divider on an analog pin: `spec.pin`, `r_series`, `grounded`, `supply_mv`.

Near the ends of the converter's range a divider says nothing: there it reads a wire that is broken or shorted.
"""

from mote import const
from mote.sensors import SensorError

_SAMPLES = const(16)
_DEFAULT_MV = const(3300)
# What ESP-IDF calls the range of the ESP32's converter at its widest attenuation.
_LOWEST_MV = const(150)
_HIGHEST_MV = const(2450)
# Of the 65535 of a converter that is not calibrated.
_LOWEST = const(655)
_HIGHEST = const(64880)


def resistance(mv, supply_mv, r_series, grounded):
    """Return the ohms of the part at `mv`; `grounded`: it is between the pin and ground, `r_series` above it."""
    return r_series * mv / (supply_mv - mv) if grounded else r_series * (supply_mv - mv) / mv


class Divider:
    """The divider of `spec`; ValueError where its pin measures no voltage."""

    def __init__(self, spec):
        from machine import ADC, Pin

        self._spec = spec
        # The ESP8266 has one channel, no attenuator and no calibration.
        self._adc = ADC(Pin(spec.pin), atten=ADC.ATTN_11DB) if hasattr(ADC, "ATTN_11DB") else ADC(spec.pin)

    def ohms(self):
        """Return the part's resistance; SensorError where the voltage is at an end of what can be measured.

        The ESP32's second converter cannot work beside Wi-Fi, and raises OSError: use pins 32 to 39.
        """
        spec = self._spec
        supply_mv = spec.supply_mv or _DEFAULT_MV
        total = 0
        if hasattr(self._adc, "read_uv"):
            for _ in range(_SAMPLES):
                total += self._adc.read_uv() // 100  # 16 of them are a small integer still
            mv = total / (_SAMPLES * 10)
            good = _LOWEST_MV <= mv <= _HIGHEST_MV
        else:
            for _ in range(_SAMPLES):
                total += self._adc.read_u16()
            good = _LOWEST <= total // _SAMPLES <= _HIGHEST
            mv = total * (spec.full_mv or _DEFAULT_MV) / (_SAMPLES * 65535)
        if not good or mv >= supply_mv:
            raise SensorError("voltage at an end of the range")
        return resistance(mv, supply_mv, spec.r_series, spec.grounded)
