"""What the parts feel: a room with a day and a night, or the rows of a recording.

`feel(part, cursor)` is one conversion of the part with that number in board.json. It returns
((degrees Celsius, percent, lux, pascal), next cursor), or None once the world has ended.
"""

from math import pi, sin

from micropython import const

import _hardware

_SLOT = const(12)  # a decimal file offset and a line end
_REPLAY = "/.state/replay"
_SEA_LEVEL_PA = const(101325)


class Room:
    """A room whose day takes `day_s` seconds; smooth, and the same for the same seed and time."""

    def __init__(self, day_s, seed):
        self._day_us = int(day_s * 1000000)
        # A small generator of phases, so that two rooms are not in step.
        self._phases = tuple(((seed * 2654435761 + k * 40503) % 65521) / 65521 for k in range(4))

    def start(self, part):
        """Return the first cursor of `part`; a room has none."""
        return 0

    def feel(self, part, cursor):
        """Return what is felt now."""
        now = _hardware.true_us()
        day = (now % self._day_us) / self._day_us
        slow = (now % (7 * self._day_us)) / (7 * self._day_us)
        a, b, c, d = self._phases
        sun = sin(2 * pi * (day - 0.25))  # highest at noon
        light = max(0.0, sun)
        draught = sin(2 * pi * (9 * day + a)) + 0.6 * sin(2 * pi * (23 * day + b))
        temperature = 20.8 + 1.9 * sin(2 * pi * (day - 0.375)) + 0.25 * draught + 0.8 * sin(2 * pi * (slow + c))
        humidity = 46.0 - 2.6 * (temperature - 20.8) + 1.4 * sin(2 * pi * (5 * day + d))
        clouds = 0.75 + 0.25 * sin(2 * pi * (13 * day + b))
        pressure = _SEA_LEVEL_PA + 650 * sin(2 * pi * (slow + a)) + 60 * sin(2 * pi * (2 * day + c))
        return (temperature, humidity, 3.0 + 640.0 * light * light * clouds, pressure), 0


class Replay:
    """The rows of an open file, `temperature_c,humidity_pct,light_lux` each; a conversion takes a row.

    How far each part has come outlives a reset: the recording goes on while the board restarts. `felt` is the offset of
    the end of the row that was felt last.
    """

    def __init__(self, rows):
        self._rows = rows
        known = _hardware.read("replay")
        self._cursors = open(_REPLAY, "w+b" if known is None else "r+b")  # noqa: SIM115  open while the board runs
        self.felt = 0

    def start(self, part):
        """Return the cursor at which `part` goes on."""
        self._cursors.seek(part * _SLOT)
        text = self._cursors.read(_SLOT)
        return int(text.rstrip(b"\0\n ")) if text and text[0] else 0

    def feel(self, part, cursor):
        """Return the row at `cursor`."""
        self._rows.seek(cursor)
        line = self._rows.readline()
        if not line.strip():
            return None
        self.felt = cursor = cursor + len(line)
        temperature, humidity, light = line.split(b",")
        self._cursors.seek(part * _SLOT)
        self._cursors.write("%-11d\n" % cursor)
        return (float(temperature), float(humidity), float(light), float(_SEA_LEVEL_PA)), cursor
