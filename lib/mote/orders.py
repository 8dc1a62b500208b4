"""Obeying commands: each at most once, and answered with the state that is, not the one asked for."""

from mote import command, const
from mote.actuators import ActuatorError

_REMEMBERED = const(16)


class Orders:
    """The actuators by name, and the answers to the last commands."""

    def __init__(self, actuators):
        self._actuators = {actuator.name: actuator for actuator in actuators}
        self.refuses = None  # why no actuator may be set, if so
        self.answers = []  # the last ones, oldest first; deep sleep keeps their ids and results

    def obey(self, order):
        """Carry out `order` unless it was already; return its Answer."""
        return self._known(order) or self._remember(self._act(order))

    def expired(self, order):
        """Return the Answer to an order that came too late; it may be sent again on a fresh anchor."""
        return self._known(order) or command.Answer(order.id, command.EXPIRED, order.name, self._state(order), None)

    def _known(self, order):
        for answer in self.answers:
            if answer.id == order.id:
                if answer.name is None:  # deep sleep keeps the result alone
                    return command.Answer(order.id, answer.result, order.name, self._state(order), None)
                return answer
        return None

    def _remember(self, answer):
        if len(self.answers) >= _REMEMBERED:
            del self.answers[0]
        self.answers.append(answer)
        return answer

    def _act(self, order):
        if self.refuses is not None:
            return command.Answer(order.id, command.REFUSED, order.name, self._state(order), self.refuses)
        actuator = self._actuators.get(order.name)
        if actuator is None:
            return command.Answer(order.id, command.REFUSED, order.name, None, "no such actuator")
        try:
            value = actuator.set(order.value)
        except ActuatorError as error:
            return command.Answer(order.id, command.REFUSED, order.name, actuator.state(), str(error))
        return command.Answer(order.id, command.DONE, order.name, value, None)

    def _state(self, order):
        actuator = self._actuators.get(order.name)
        return None if actuator is None else actuator.state()
