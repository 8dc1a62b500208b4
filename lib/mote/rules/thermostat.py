"""A thermostat: on at one side of its target, off at the other, as it was between them."""


class Thermostat:
    """Heats: on from `target - hysteresis` down, off from `target + hysteresis` up; `cool` is the other way round.

    Between the two it stays as it was, and at the start in the safe state.
    """

    def __init__(self, spec):
        self._low = spec.target - spec.hysteresis
        self._high = spec.target + spec.hysteresis
        self._below = 0 if spec.cool else 1
        self.wanted = None

    def take(self, value, state):
        """Take what the sensor says."""
        if value <= self._low:
            self.wanted = self._below
        elif value >= self._high:
            self.wanted = 1 - self._below
