"""`tls` as the ESP8266 has it (axTLS): it encrypts and verifies nobody.

There is no CERT_REQUIRED, no load_verify_locations and no PSK; `verify_mode` is always CERT_NONE,
whatever it is set to. The frozen `ssl` builds on this as it does on the chip.
"""

import tls as _tls

PROTOCOL_TLS_CLIENT = 0
PROTOCOL_TLS_SERVER = 1
CERT_NONE = 0


class SSLContext:
    """A context that holds at most a key and its certificate."""

    def __init__(self, protocol):
        # The protocol is not kept; which side this is, wrap_socket says.
        self._credential = None

    @property
    def verify_mode(self):
        """CERT_NONE."""
        return CERT_NONE

    @verify_mode.setter
    def verify_mode(self, value):
        pass

    def load_cert_chain(self, certfile, keyfile):
        """Take a certificate and its key, both bytes."""
        self._credential = (certfile, keyfile)

    def wrap_socket(self, sock, *, server_side=False, do_handshake_on_connect=True, server_hostname=None):
        """Return `sock` encrypted, with whoever is at the other end."""
        context = _tls.SSLContext(_tls.PROTOCOL_TLS_SERVER if server_side else _tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = _tls.CERT_NONE
        if self._credential:
            context.load_cert_chain(*self._credential)
        return context.wrap_socket(
            sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            server_hostname=server_hostname,
        )
