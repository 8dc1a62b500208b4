"""What every part that senses has: a place in the world, which may end."""


class Sensor:
    """Part `number` of the board, feeling `world`; `fault` is what is wrong with it, or None."""

    def __init__(self, world, number):
        self._world = world
        self._number = number
        self._cursor = world.start(number)
        self._gone = False
        self.fault = None

    def answers(self):
        """True while there is a world to measure."""
        return not self._gone

    def _feel(self):
        """Return what the world is like now, or None where it has ended; then the part is gone."""
        felt = self._world.feel(self._number, self._cursor)
        if felt is None:
            self._gone = True
            return None
        values, self._cursor = felt
        return values
