"""What can go wrong for a program that uses the client."""

from ..errors import IronmoteError


class ClientError(IronmoteError):
    """What the client cannot do; the text says why."""


class NotConnected(ClientError):
    """The broker cannot be reached, or does not let this user in."""


class CommandRefused(ClientError):
    """No mote could take such a command; nothing was sent."""
