"""What becomes of a sensor's values before they are reported: calibrated, filtered, watched, and left out.

In this order: calibration, median, smoothing; then alarms and rules see the value, and then it is decided what is
reported of it. A sample that is missing is no value: it takes no place in a median or a mean, and after three of them
in a row the filters begin anew, for what was before says little of what is now. An alarm stays as it is meanwhile: that
a sensor is gone does not mean that all is well.
"""

from mote import const, record

_GAP = const(3)  # missing samples in a row after which the filters begin anew
_HEARTBEAT_S = const(900)  # where the settings do not say, which is what they say of the status
_FIELDS = (
    "scale", "offset", "table", "median", "smooth", "every", "stats", "deadband", "heartbeat_s", "above", "below",
    "hysteresis",
)  # fmt: skip


def calibrated(spec, value):
    """Return `value` by the calibration of `spec`, scale, offset and table; None where that is nothing to report.

    So it is outside the table: there nothing was compared, and a line drawn on would invent numbers.
    """
    if spec.table is not None:
        value = _between(spec.table, value)
    else:
        if spec.scale is not None:
            value *= spec.scale
        if spec.offset is not None:
            value += spec.offset
    return value if record.is_number(value) else None


def _between(table, value):
    """Return what the line between two points of `table` has at `value`, or None outside of them.

    The table is flat, from ‖ to of each point: as lists of two it took three times the memory.
    """
    for i in range(2, len(table), 2):
        if table[i - 2] <= value <= table[i]:
            return table[i - 1] + (table[i + 1] - table[i - 1]) * (value - table[i - 2]) / (table[i] - table[i - 2])
    return None


def median(ring, count):
    """Return the median of the first `count` of the list `ring`, in whose order it is not; it is left as it is."""
    middle = _ranked(ring, count, count // 2)
    return middle if count % 2 else (_ranked(ring, count, count // 2 - 1) + middle) / 2


def _ranked(ring, count, rank):
    """Return the value that would be at `rank` if the first `count` of `ring` were sorted; it takes no memory."""
    for i in range(count):
        less = same = 0
        for j in range(count):
            less += ring[j] < ring[i]
            same += ring[j] == ring[i]
        if less <= rank < less + same:
            return ring[i]
    raise ValueError("no number")


class Values:
    """What the settings say of values, and what is known of each; `alarms` are the names of the alarms that are on."""

    def __init__(self, specs):
        self._all = [_Value(spec) for spec in specs]
        self.alarms = ()

    def take(self, name, unit, value):
        """Return what everybody sees of `value`, read just now for the reading `name`, or None where it is missing."""
        for each in self._all:
            if each.name == name:
                return each.take(unit, value)
        return value

    def report(self, readings, now_ms):
        """Return the Readings to report now: of `readings`, which hold what `take` returned, and of alarms.

        Call it once a sample, also where nothing was read. `now_ms` are milliseconds since the start.
        """
        found = [reading for reading in readings if not any(reading.name == each.name for each in self._all)]
        changed = False
        for each in self._all:
            changed = each.report(found, now_ms) or changed
        if changed:
            self.alarms = tuple([name for each in self._all for name, on in each.alarms() if on])
        return found

    def on(self):
        """Return which alarms are on as a whole number, two bits a value, which deep sleep keeps."""
        found = 0
        for each in reversed(self._all):
            found = found << 2 | (each._low is True) << 1 | (each._high is True)
        return found

    def resume(self, on):
        """Go on after a deep sleep, before which `on` said which alarms are on."""
        for each in self._all:
            each.resume(on & 1, on >> 1 & 1)
            on >>= 2
        self.alarms = tuple([name for each in self._all for name, on in each.alarms() if on])


class _Value:
    """One value, what its settings `spec` say and what is known of it.

    What the settings do not ask for takes no memory, since the class has it as None; the settings themselves can go.
    """

    scale = offset = table = median = smooth = every = stats = deadband = heartbeat_s = None
    above = below = hysteresis = None
    _ring = _smoothed = _last = _unit = _value = None
    _high = _low = None  # whether the alarm is on; None until there was a value
    _heard_ms = _said_ms = 0  # when the value, and when the alarms, were last reported
    _places = _missing = _samples = _count = 0
    _first = _sum = _least = _most = None  # of the samples since the last report

    def __init__(self, spec):
        self.name = spec.name
        for field in _FIELDS:
            if getattr(spec, field) is not None:
                setattr(self, field, getattr(spec, field))
        if self.table is not None:
            self.table = tuple([number for point in self.table for number in point])
        if self.median is not None:
            self._ring = [None] * self.median

    def take(self, unit, value):
        """Return `value`, calibrated and filtered, or None."""
        value = calibrated(self, value)
        if value is None:
            return None
        self._unit = unit
        if self._missing >= _GAP:
            self._places = 0
            self._smoothed = self._last = None
        self._missing = 0
        if self._ring is not None:
            size = len(self._ring)
            self._ring[self._places % size] = value
            self._places += 1
            if self._places >= 2 * size:  # it counts on: the next place, and how many there are
                self._places = size
            value = median(self._ring, min(self._places, size))
        if self.smooth is not None:
            if self._smoothed is not None:
                value = self._smoothed + self.smooth * (value - self._smoothed)
            self._smoothed = value
        self._value = value
        return value

    def resume(self, high, low):
        """The alarms above and below were on, or were not."""
        if self.above is not None:
            self._high = bool(high)
        if self.below is not None:
            self._low = bool(low)

    def alarms(self):
        """Return (name, whether it is on) of each alarm that is known."""
        found = ((self.name + ":high", self._high), (self.name + ":low", self._low))
        return [each for each in found if each[1] is not None]

    def report(self, found, now_ms):
        """Append to `found` what is to be reported of this sample; return True where an alarm has changed."""
        value, self._value = self._value, None
        changed = False
        if value is None:
            self._missing = min(self._missing + 1, _GAP)
        else:
            changed = self._judge(value)
        if self.every is not None and self.every > 1:
            self._collect(found, value, now_ms)
        elif value is not None and (changed or self._tells(value, now_ms)):
            self._tell(found, value, now_ms)
        known = self._high is not None or self._low is not None
        if changed or (known and self._beats(self._said_ms, now_ms)):
            self._said_ms = now_ms
            for name, on in self.alarms():
                found.append(record.Reading(name, None, on, None))
        return changed

    def _judge(self, value):
        """Set the alarms by `value`; return True where one has changed, or is known now."""
        inside = self.hysteresis or 0
        high, low = self._high, self._low
        if self.above is not None:
            self._high = value > (self.above - inside if high else self.above)
        if self.below is not None:
            self._low = value < (self.below + inside if low else self.below)
        return self._high is not high or self._low is not low

    def _collect(self, found, value, now_ms):
        """Add the sample, or that it is missing, to those of the next report; make the report once they are all there.

        The sum is of what each is above the first, so that single precision has room for hundreds of pressures.
        """
        if value is not None:
            if not self._count:
                self._first = self._least = self._most = value
                self._sum = 0
            self._count += 1
            self._sum += value - self._first
            self._least = min(self._least, value)
            self._most = max(self._most, value)
        self._samples += 1
        if self._samples < self.every:
            return
        count = self._count
        self._samples = self._count = 0
        if count:
            mean = self._first + self._sum / count
            if self._tells(mean, now_ms):
                self._tell(found, mean, now_ms)
            if self.stats:
                found.append(record.Reading(self.name + ":min", self._unit, self._least, None))
                found.append(record.Reading(self.name + ":max", self._unit, self._most, None))

    def _tells(self, value, now_ms):
        """True where `value` is more than the deadband away from the last one reported, or that was long ago."""
        band = self.deadband
        return (
            band is None or self._last is None or abs(value - self._last) > band or self._beats(self._heard_ms, now_ms)
        )

    def _tell(self, found, value, now_ms):
        if self.deadband is not None:
            self._last = value
            self._heard_ms = now_ms
        found.append(record.Reading(self.name, self._unit, value, None))

    def _beats(self, since_ms, now_ms):
        return now_ms - since_ms >= (self.heartbeat_s or _HEARTBEAT_S) * 1000
