"""Reading every sensor: the readings of one moment, and which sensors gave none."""

from mote import const, log, record, sensors

_PACK = const(12)


class Sampler:
    """The sensors of a mote; `missing` holds the kinds of those that last gave nothing, or nothing that can be."""

    def __init__(self, pairs):
        """Each of `pairs` is a sensor of the settings and what `sensors.create` made of it."""
        self._sensors = pairs
        self.missing = ()

    async def read(self):
        """Return the Readings of this moment; says so where other sensors are missing than before."""
        readings = []
        missing = []
        for spec, driver in self._sensors:
            try:
                for quantity, value in await driver.read():
                    name = spec.names.get(quantity)
                    if name and not record.is_number(value):
                        raise sensors.SensorError("no number")
                    if name:
                        readings.append(record.Reading(name, record.UNITS[quantity], value, None))
            except (sensors.SensorError, OSError):
                missing.append(spec.kind)
        missing = tuple(missing)
        if missing != self.missing:
            self.missing = missing
            if missing:
                log.warn("sensors", "missing:", *missing)
            else:
                log.say("sensors", "all there")
        return readings


def packs(readings):
    """Yield `readings` in lists, each for one record: with the longest names it still fits into a packet."""
    for i in range(0, len(readings), _PACK):
        yield readings[i : i + _PACK]
