"""What a mote measures with: one driver a kind, imported only where the settings name it.

A driver has `async read()`, which returns a list of (quantity, value), or raises SensorError or
OSError where there is nothing to report. Quantities and units: temperature Cel, humidity %RH,
pressure Pa, illuminance lx. After a failure the next read sets the part up anew.
"""

KINDS = (
    "bme280", "bmp280", "sht3x", "sht4x", "aht20", "tmp117", "dht22", "ds18b20", "ntc", "chip",
    "bh1750", "tsl2591", "veml7700", "ldr",
)  # fmt: skip


class SensorError(Exception):
    """Nothing to report: the part is missing, is another one, or gave what it cannot have measured."""


def within(value, lowest, highest):
    """Return `value`; SensorError where it is not from `lowest` to `highest`, what the part is made for."""
    if not lowest <= value <= highest:  # a NaN is not
        raise SensorError("out of range")
    return value


def create(spec, buses):
    """Return the driver for `spec`, a sensor of the settings (its `kind` and what that needs), on `buses`.

    Touches no hardware; raises SensorError for a kind that this firmware has no driver for.
    """
    if spec.kind not in KINDS:
        raise SensorError("no driver for " + spec.kind)
    module = __import__("mote.sensors." + spec.kind, None, None, ("Driver",))
    return module.Driver(spec, buses)
