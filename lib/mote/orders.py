"""Obeying commands: each at most once, and answered with the state that is, not the one asked for.

What a command has set it may hold for a time: meanwhile no rule drives that actuator. A start ends every hold, and so
does deep sleep: the actuators are in their safe states then, and their rules', if they have one. A new epoch does not.
"""

from mote import command, const
from mote.actuators import ActuatorError

_REMEMBERED = const(16)
_OVERRIDE_S = const(3600)


class Orders:
    """The actuators by name, and the answers to the last commands.

    `held` is when what a command has set ends, in ms of mote.uptime, by the name of the actuator.
    """

    def __init__(self, actuators, rules=()):
        """`rules` are those of the settings."""
        self.actuators = {actuator.name: actuator for actuator in actuators}
        self.answers = []  # the last ones, oldest first; deep sleep keeps their ids and results
        self.held = {}
        self._override_s = {rule.actuator: rule.override_s or _OVERRIDE_S for rule in rules}

    def obey(self, order, now_ms):
        """Carry out `order` unless it was already; return its Answer."""
        return self._known(order) or self._remember(self._act(order, now_ms))

    def tick(self, now_ms):
        """End what was held for long enough; call it every second or so."""
        for name in list(self.held) if self.held else ():
            if now_ms >= self.held[name]:
                self._release(name)

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

    def _act(self, order, now_ms):
        actuator = self.actuators.get(order.name)
        if actuator is None:
            return command.Answer(order.id, command.REFUSED, order.name, None, "no such actuator")
        if order.value == command.AUTO:
            self._release(order.name)
            return command.Answer(order.id, command.DONE, order.name, actuator.state(), None)
        try:
            value = actuator.set(order.value)
        except ActuatorError as error:
            return command.Answer(order.id, command.REFUSED, order.name, actuator.state(), str(error))
        self._hold(order, now_ms)
        return command.Answer(order.id, command.DONE, order.name, value, None)

    def _hold(self, order, now_ms):
        for_s = order.for_s or self._override_s.get(order.name)
        if for_s:
            self.held[order.name] = now_ms + for_s * 1000
        else:
            self.held.pop(order.name, None)  # of an earlier command

    def _release(self, name):
        """Give the actuator back to its rule, which drives it from its next turn on; without one it goes safe."""
        self.held.pop(name, None)
        if name not in self._override_s:
            self.actuators[name].safe()

    def _state(self, order):
        actuator = self.actuators.get(order.name)
        return None if actuator is None else actuator.state()
