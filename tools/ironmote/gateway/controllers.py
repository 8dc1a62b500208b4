"""Commands that controllers publish for sealed motes, as JSON under mote/<id>/down of the trusted side.

Who may is the broker's to say (roles). A sealed mote does not hear them: the gateway seals each and sends it, under the
id that the controller gave it, so that a mote acts once on what was delivered twice.
"""

import time

from mote import command

from ..errors import IronmoteError
from .downlink import Order, check_order

_LEAST_S = 0.001


def order_of(mote: str, payload: bytes, arrived: float) -> Order:
    """The order in a command that arrived then, in seconds since 1970. Raises IronmoteError where it is none."""
    try:
        wanted = command.decode_command_json(payload)
    except command.CommandError as error:
        raise IronmoteError(f"a controller's command that is none: {error}") from error
    if wanted.deadline is None:  # a broker may have held it for days, or deliver it again when its id is forgotten
        raise IronmoteError("a controller's command without a deadline: nobody knows how old it is")
    within_s = wanted.deadline - arrived
    # One that comes too late is an order all the same, and its outcome is told.
    check_order(wanted.name, wanted.value, max(within_s, _LEAST_S), wanted.for_s)
    waited_s = max(0.0, time.time() - arrived)
    return Order(
        mote, wanted.name, wanted.value, within_s, time.monotonic() - waited_s, arrived, wanted.for_s, wanted.id
    )
