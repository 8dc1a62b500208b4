"""Commands to the mote itself: names that begin with `!`, which no actuator has.

They come sealed and with an anchor, as every command; the gateway wants them until they are answered, and their
deadline, the latest that there can be, only says how late it is. They are not remembered: to obey one of them
twice is to obey it once.
"""

from mote import command, log, roots, sealed


class Care:
    """Obeys them for one sealed mote; `over_air` says that its root key may be replaced without a cable."""

    def __init__(self, keep, fleet_id, mote_id, over_air):
        """`keep` is the mote.roots.Roots."""
        self._roots = keep
        self._fleet_id = fleet_id
        self._mote_id = mote_id
        self._over_air = over_air

    def takes(self, order):
        """True where `order` is for this class."""
        return order.name.startswith(command.RESERVED)

    def obey(self, order):
        """Return the Answer to `order`. After a rotation that is done the next epoch begins under the new root key."""
        if order.name == command.CHALLENGE:
            return command.Answer(order.id, command.DONE, order.name, order.value, None)
        if order.name == command.ROTATE:
            why = self._rotate(order.value)
            return command.Answer(order.id, command.REFUSED if why else command.DONE, order.name, None, why)
        return command.Answer(order.id, command.REFUSED, order.name, None, "no such command")

    def settle(self, protection):
        """Erase the root key before the newest once the newest is proven: the broker and the gateway have used it.

        What `protection` (mote.protect) has proven is the key of its epoch, which need not be the newest.
        """
        newest = protection.generation == self._roots.generation
        if self._roots.older is not None and newest and protection.proven:
            try:
                self._roots.retire()
                log.say("care", "the older root key is retired")
            except OSError as error:
                log.warn("care", "the older root key stays for now:", repr(error))

    def _rotate(self, update):
        """Save the root key in `update`; return why that was not done, or None."""
        if not self._over_air:
            return "the broker knows this mote by its root key: change it by cable"
        if not isinstance(update, bytes):
            return "no update"
        if self._roots.older is not None:
            # The older one may be all that the broker knows; to overwrite it would lock the mote out.
            return "the last change is not finished: the broker took no password of its key"
        try:
            self._roots.accept(update, self._fleet_id, self._mote_id)
        except (sealed.Refused, roots.RootError) as error:
            return str(error)
        except OSError:
            return "the new root key could not be written"
        return None
