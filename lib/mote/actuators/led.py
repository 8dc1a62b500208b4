"""An LED that commands and rules switch: a relay without a contact."""

from mote.actuators.relay import Relay


class Led(Relay):
    """An LED on `spec.pin`."""
