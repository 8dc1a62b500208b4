"""`tls` for a board with faults: certificates are judged by the board's own clock, and memory can run out.

On a board mbedTLS reads the board's clock; on the desktop it reads the host's, which a lying time server cannot
move. So dates are judged here once more, by the simulated clock. The fault "tls" is "no_memory" (mbedTLS finds none,
ENOMEM) or "memory_error" (MicroPython's heap has none).
"""

from errno import ENOMEM

import tls as _tls
from tls import *  # noqa: F403

import _hardware
import time

_VERIFY_FAILED = -0x2700  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED


def _inside(der, at):
    """Return where the content of the DER element at `at` begins and ends."""
    size = der[at + 1]
    at += 2
    if size & 0x80:
        octets = size & 0x7F
        size = int.from_bytes(der[at : at + octets], "big")
        at += octets
    return at, at + size


def _validity(der):
    """Return the first and the last moment of a certificate, as texts of 14 digits (RFC 5280, 4.1.2.5)."""
    at = _inside(der, _inside(der, 0)[0])[0]
    for _ in range(4):  # version, serial number, algorithm, issuer
        at = _inside(der, at)[1]
    at = _inside(der, at)[0]
    moments = []
    for _ in range(2):
        begin, end = _inside(der, at)
        text = bytes(der[begin : end - 1]).decode()
        if len(text) == 12:
            text = ("20" if text < "50" else "19") + text
        moments.append(text)
        at = end
    return moments


def _judge(der, depth):
    first, last = _validity(der)
    now = "%04d%02d%02d%02d%02d%02d" % time.gmtime()[:6]
    return 0 if first <= now <= last else _VERIFY_FAILED


def _passed_on(name):
    return property(lambda self: getattr(self._real, name), lambda self, value: setattr(self._real, name, value))


class SSLContext:
    """The real one, with a second look at dates."""

    def __init__(self, protocol):
        self._real = _tls.SSLContext(protocol)
        self._real.verify_callback = _judge

    def __getattr__(self, name):
        return getattr(self._real, name)

    verify_mode = _passed_on("verify_mode")
    psk_key = _passed_on("psk_key")
    psk_identity = _passed_on("psk_identity")

    def wrap_socket(self, *words, **named):
        fault = _hardware.fault("tls")
        if fault == "no_memory":
            raise OSError(ENOMEM)
        if fault == "memory_error":
            raise MemoryError("memory allocation failed, allocating 16717 bytes")
        return self._real.wrap_socket(*words, **named)
