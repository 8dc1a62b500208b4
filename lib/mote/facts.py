"""What this board and its firmware can do: the facts that decide the channel, measured, not assumed."""

from mote.channel import Facts


def measure(room):
    """Return the Facts of this firmware; `room` says that the board's memory holds a TLS session.

    `room` comes from the board's profile: trying a handshake to find out would let whoever makes
    it fail choose the channel.
    """
    return Facts(_verifies(), _has_psk(), _has_aes(), room)


def _verifies():
    """True where `ssl` can demand a certificate, take a CA and check a name."""
    try:
        import ssl
    except ImportError:
        return False
    context = getattr(ssl, "SSLContext", None)
    return hasattr(ssl, "CERT_REQUIRED") and hasattr(context, "load_verify_locations")


def _has_psk():
    """True where TLS takes a pre-shared key (MicroPython 1.29, if its build has the suites)."""
    try:
        import tls
    except ImportError:
        return False
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    if not hasattr(context, "psk_key"):  # an attribute of the object, not of its class: only an object can be asked
        return False
    from mote import psk

    return bool(psk.offered(context))


def _has_aes():
    """True where AES and SHA-256 are built in."""
    try:
        import cryptolib
        import hashlib
    except ImportError:
        return False
    return hasattr(cryptolib, "aes") and hasattr(hashlib, "sha256")
