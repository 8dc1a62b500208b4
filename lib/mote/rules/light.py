"""A light level that is held by a dimmer: the dimmer integrates, in steps of a bounded size.

How many lux a percent of the dimmer gives nobody has told it. So it goes by the sign of what is missing: a step
towards the target while that is on the same side, half of it once it has passed, and twice as much again where more
steps in one direction did not get there than can be needed, since then the daylight has changed.
"""

from mote import const

_STEP = const(5)
_LEAST = 0.1
_NEEDED = const(3)
_FULL = const(100)


class Light:
    """Dims so that the sensor is within `hysteresis` of `target`; `step` percent a sample at most, 5 if left out."""

    def __init__(self, spec):
        self._target = spec.target
        self._band = spec.hysteresis
        self._most = spec.step or _STEP
        self._step = self._most  # the sign is the direction of the last one
        self._times = 0  # how many went that way, 0 before the first
        self.wanted = None

    def take(self, value, state):
        """Take what the sensor says, the dimmer being at `state` percent.

        It is never more than a step ahead of the dimmer: where that is held back, or at its end, nothing winds up.
        """
        level = state
        if self.wanted is not None:
            level = min(max(self.wanted, state - self._most), state + self._most)
        missing = self._target - value
        if abs(missing) > self._band:
            level = min(max(level + self._next(missing > 0), 0), _FULL)
        self.wanted = level

    def _next(self, up):
        """Return the next step, in percent."""
        size = abs(self._step)
        if not self._times or up == (self._step > 0):
            self._times += 1
            if self._times > _NEEDED:
                size = min(size * 2, self._most)
        else:
            self._times = 1
            size = max(size / 2, _LEAST)
        self._step = size if up else -size
        return self._step
