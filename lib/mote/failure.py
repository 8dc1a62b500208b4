"""What went wrong on the way to the broker, as a person says it. The words are ours, nothing of the peer's."""

import asyncio
from errno import ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENOMEM, ETIMEDOUT

from mote.wire import Unresolved

_WORDS = (
    (ECONNREFUSED, "refused: nobody listens there"),
    (ECONNRESET, "the other end closed the connection"),
    (ECONNABORTED, "the connection broke"),
    (EHOSTUNREACH, "no way there"),
    (ETIMEDOUT, "no answer in time"),
    (ENOMEM, "not enough memory for it"),
)
# What mbedTLS says, MicroPython raises as OSError (mbedtls/ssl.h, x509.h).
_TLS = (
    (0x2700, "the certificate is not one to trust"),
    (0x7180, "the keys do not match"),
    (0x7200, "what answers is not TLS"),
    (0x7280, "the other end closed the connection"),
    (0x7700, "what answers is not TLS"),
    (0x7780, "the broker's TLS refuses this mote"),
    (0x7880, "the other end closed the connection"),
    (0x7F00, "not enough memory for it"),
)


# In the ValueError that MicroPython makes of what mbedtls_x509_crt_verify_info() says.
_CERTIFICATE = (
    ("Common Name", "the certificate carries another name"),
    ("trusted CA", "the certificate is not one to trust"),
    ("expired", "the certificate has expired"),
    ("future", "the certificate is not valid yet"),
)


def words(error):
    """Return a line for the exception `error`: what it means, where that is known, and its repr."""
    said = None
    if isinstance(error, Unresolved):
        said = "the host's name is not resolved"
    elif isinstance(error, asyncio.TimeoutError):
        said = "no answer in time"
    elif isinstance(error, ValueError):
        text = str(error)
        for known, meaning in _CERTIFICATE:
            if known in text:
                said = meaning
    elif isinstance(error, OSError) and error.args:
        number = error.errno
        for known, meaning in _TLS if number < -255 else _WORDS:
            if number in (known, -known):
                said = meaning
    return repr(error) if said is None else said + ": " + repr(error)
