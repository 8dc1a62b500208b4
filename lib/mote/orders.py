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

    def __init__(self, actuators, rules=(), sample_ms=0, warn=None):
        """`rules` are those of the settings; a reading is expected each `sample_ms`; for `warn` see mote.rules."""
        self.actuators = {actuator.name: actuator for actuator in actuators}
        self.answers = []  # the last ones, oldest first; deep sleep keeps their ids and results
        self.held = {}
        self.refuses = None  # why no actuator may be set, if so
        self._override_s = {rule.actuator: rule.override_s or _OVERRIDE_S for rule in rules}
        self._rules = None
        if rules:
            from mote.rules import Rules

            self._rules = Rules(rules, self.actuators, sample_ms, warn)

    def obey(self, order, now_ms):
        """Carry out `order` unless it was already; return its Answer."""
        known = self._known(order)
        if known is None:
            # Remembered first: where memory ends after it was carried out it is not carried out again.
            self._remember(command.Answer(order.id, command.REFUSED, None, None, None))
            known = self.answers[-1] = self._act(order, now_ms)
        return known

    def tick(self, readings, now_ms, wall):
        """End what was held for long enough, and let the rules act; call it with each sample and every second or so.

        `readings` are those of the sample, none between samples; `wall` is the time in seconds since 1970, or None.
        """
        for name in list(self.held) if self.held else ():
            if now_ms >= self.held[name]:
                self._release(name)
        if self._rules is not None:
            self._rules.run(readings, now_ms, wall, self.held)

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

    def _act(self, order, now_ms):
        if self.refuses is not None:
            return command.Answer(order.id, command.REFUSED, order.name, self._state(order), self.refuses)
        actuator = self.actuators.get(order.name)
        if actuator is None:
            return command.Answer(order.id, command.REFUSED, order.name, None, "no such actuator")
        if order.value == command.AUTO:
            self._release(order.name)
            return command.Answer(order.id, command.DONE, order.name, actuator.state(), None)
        for_s = order.for_s or self._override_s.get(order.name)
        before = self.held.get(order.name)
        if for_s:
            # First: whatever comes of it ends in time, also where there is no memory left once it is done.
            self.held[order.name] = now_ms + for_s * 1000
        try:
            value = actuator.set(order.value, not for_s)
        except ActuatorError as error:
            self.held.pop(order.name, None)
            if before is not None:
                self.held[order.name] = before
            return command.Answer(order.id, command.REFUSED, order.name, actuator.state(), str(error))
        if not for_s:
            self.held.pop(order.name, None)  # of an earlier command
        return command.Answer(order.id, command.DONE, order.name, value, None)

    def _release(self, name):
        """Give the actuator back to its rule, which drives it from its next turn on; without one it goes safe."""
        self.held.pop(name, None)
        if name not in self._override_s:
            self.actuators[name].safe()

    def _state(self, order):
        actuator = self.actuators.get(order.name)
        return None if actuator is None else actuator.state()
