"""TLS with a key that both ends have beforehand: no certificates, no clock, a handshake of half the size.

A broker that does not have the key cannot finish the handshake, so each end knows the other by it (RFC 4279).
The identity crosses in the clear; it is the mote's id.
"""

import tls

# AEAD suites only, the best first: one with forward secrecy where the firmware has it (RFC 7905), else AES-GCM
# (RFC 5487). No suite of certificates is among them, so no certificate, however good, stands in for the key.
SUITES = (
    "TLS-ECDHE-PSK-WITH-CHACHA20-POLY1305-SHA256",
    "TLS-PSK-WITH-AES-256-GCM-SHA384",
    "TLS-PSK-WITH-AES-128-GCM-SHA256",
)


def offered(context):
    """Return the SUITES that this firmware has; `context` is an SSLContext."""
    here = context.get_ciphers()
    return [suite for suite in SUITES if suite in here]


class Psk:
    """What umqtt takes for an SSLContext, as mote.tls.Tls is; `key` is 32 bytes, `name` goes into SNI."""

    def __init__(self, name, mote_id, key):
        self._name = name
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        # Without a CA this can never be satisfied: should a certificate be asked for, the handshake fails.
        context.verify_mode = tls.CERT_REQUIRED
        context.set_ciphers(offered(context))
        context.psk_key = key
        context.psk_identity = mote_id
        self._context = context

    def wrap_socket(self, wire, server_hostname=None):
        """Secure `wire` and return it."""
        wire.secure(self._context, self._name)
        return wire
