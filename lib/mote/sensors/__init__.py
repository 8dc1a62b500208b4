"""What a mote measures with: one driver a kind, imported only where the settings name it.

A driver has `async read()`, which returns a list of (quantity, value), or raises SensorError or
OSError where there is nothing to report. Quantities and units: temperature Cel, humidity %RH,
pressure Pa, illuminance lx. After a failure the next read sets the part up anew.
"""

_KINDS = ("bme280", "bh1750", "ds18b20")


class SensorError(Exception):
    """Nothing to report: the part is missing, is another one, or gave what it cannot have measured."""


def create(spec, buses):
    """Return the driver for `spec` (its `kind`; on I2C its `address`), on `buses`.

    Touches no hardware; raises SensorError for a kind that this firmware has no driver for.
    """
    if spec.kind not in _KINDS:
        raise SensorError("no driver for " + spec.kind)
    module = __import__("mote.sensors." + spec.kind, None, None, ("Driver",))
    return module.Driver(spec, buses)
