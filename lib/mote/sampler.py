"""Reading every sensor: the readings of one moment, which of them to report, and which sensors gave none."""

from mote import const, log, record, sensors, uptime

_PACK = const(12)


class Sampler:
    """The sensors of a mote; `missing` holds the kinds of those that last gave nothing, or nothing that can be.

    `alarms` are the names of the alarms that are on.
    """

    def __init__(self, pairs, values=()):
        """Each of `pairs` is a sensor of the settings and what `sensors.create` made of it; `values` are theirs too."""
        self._sensors = [(spec.kind, spec.names, driver) for spec, driver in pairs]  # the rest of a spec can go
        self._values = None
        if values:
            from mote.values import Values

            self._values = Values(values)
        self.missing = ()
        self.alarms = ()

    async def read(self):
        """Return the Readings of this moment, calibrated and filtered.

        A sensor is missing too where its calibration has nothing for one of its values. Says so where other sensors are
        missing than before.
        """
        readings = []
        missing = []
        for kind, names, driver in self._sensors:
            try:
                lacks = False
                for quantity, value in await driver.read():
                    name = names.get(quantity)
                    if name and not record.is_number(value):
                        raise sensors.SensorError("no number")
                    if name and self._values is not None:
                        value = self._values.take(name, record.UNITS[quantity], value)
                        lacks = lacks or value is None
                    if name and value is not None:
                        readings.append(record.Reading(name, record.UNITS[quantity], value, None))
                if lacks:
                    missing.append(kind)
            except (sensors.SensorError, OSError):
                missing.append(kind)
        missing = tuple(missing)
        if missing != self.missing:
            self.missing = missing
            if missing:
                log.warn("sensors", "missing:", *missing)
            else:
                log.say("sensors", "all there")
        return readings

    def report(self, readings):
        """Return the Readings to report now: of `readings`, as `read` gave them, and of alarms; it may be nothing.

        Call it once after each `read`; says so where other alarms are on than before.
        """
        if self._values is None:
            return readings
        readings = self._values.report(readings, uptime.ms())
        if self._values.alarms != self.alarms:
            self.alarms = self._values.alarms
            if self.alarms:
                log.warn("alarms", "on:", *self.alarms)
            else:
                log.say("alarms", "all off")
        return readings

    def on(self):
        """Return which alarms are on, as a whole number that deep sleep keeps."""
        return self._values.on() if self._values is not None else 0

    def resume(self, on):
        """Go on after a deep sleep, before which `on` said which alarms are on."""
        if self._values is not None:
            self._values.resume(on)
            self.alarms = self._values.alarms


def packs(readings):
    """Yield `readings` in lists, each for one record: with the longest names it still fits into a packet."""
    for i in range(0, len(readings), _PACK):
        yield readings[i : i + _PACK]
