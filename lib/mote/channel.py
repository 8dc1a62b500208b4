"""The choice of the channel: from what board and firmware are, never from what happens.

A failed handshake is a failure of the channel that was chosen; nothing here can be told of it.
"""

from collections import namedtuple

TLS = "tls"
TLS_PSK = "tls-psk"
SEALED = "sealed"

# From the strongest to the least; "+sealed" seals the payload inside TLS too, for brokers that are not trusted.
CHANNELS = ("tls+sealed", "tls-psk+sealed", TLS, TLS_PSK, SEALED)
AUTO = "auto"

# verify: ssl can demand and check a certificate and its name; psk: TLS with a pre-shared key;
# aes: AES and SHA-256 are built in; room: the board's memory holds a TLS session (its profile says so).
Facts = namedtuple("Facts", "verify psk aes room")


class ChannelError(Exception):
    """No channel at or above the floor is possible here; nothing may be sent."""


def parts(channel):
    """Return what secures the connection (TLS, TLS_PSK or None), and whether payloads are sealed."""
    carrier = channel.split("+")[0]
    return (None if carrier == SEALED else carrier), channel.endswith(SEALED)


def _lacks(channel, facts):
    """Return what is missing for `channel`, as a list of clauses."""
    lacks = []
    carrier, seals = parts(channel)
    if carrier == TLS and not facts.verify:
        lacks.append("this firmware's ssl cannot verify a broker")
    if carrier == TLS_PSK and not facts.psk:
        lacks.append("this firmware has no TLS with pre-shared keys")
    if carrier and not facts.room:
        lacks.append("the board has no room for a TLS session")
    if seals and not facts.aes:
        lacks.append("this firmware has no AES or no SHA-256")
    return lacks


def _grounds(channel, facts):
    """Return why `channel` is possible, and for `sealed` alone why nothing better is."""
    if channel == SEALED:
        lacks = _lacks(TLS, facts)
        here = "AES and SHA-256 are here"
        return ", and ".join(lacks) + "; " + here if lacks else here
    carrier, seals = parts(channel)
    words = "this firmware verifies certificates" if carrier == TLS else "this firmware has TLS with pre-shared keys"
    words += ", and the board has room for a TLS session"
    return words + "; AES and SHA-256 are here" if seals else words


def reaches(channel, floor):
    """True where `channel` is `floor` or stronger; both are of CHANNELS."""
    return CHANNELS.index(channel) <= CHANNELS.index(floor)


def choose(wanted, floor, facts):
    """Return (channel, why) for `wanted`, one of CHANNELS or "auto", never less than `floor`.

    `why` is one sentence for a person. Raises ChannelError where that cannot be had: there is no other way.
    """
    if floor not in CHANNELS or (wanted != AUTO and wanted not in CHANNELS):
        raise ChannelError("no such channel")
    if wanted != AUTO:
        if not reaches(wanted, floor):
            raise ChannelError("%s is less than the floor, %s" % (wanted, floor))
        lacks = _lacks(wanted, facts)
        if lacks:
            raise ChannelError("%s is not possible here: %s" % (wanted, ", and ".join(lacks)))
        return wanted, _grounds(wanted, facts)
    # Sealing inside TLS is for who asks for it, which a floor of that strength does.
    for channel in (TLS, TLS_PSK, SEALED) if reaches(TLS, floor) else CHANNELS:
        if reaches(channel, floor) and not _lacks(channel, facts):
            return channel, _grounds(channel, facts)
    raise ChannelError("nothing at or above %s is possible here: %s" % (floor, ", and ".join(_lacks(floor, facts))))
