"""The broker's certificate verified, the mote's own shown: X.509 on P-256, TLS 1.2 or later.

Device certificates are DER: there is no PEM parser on a board.
"""

import ssl


class Tls:
    """What umqtt takes for an SSLContext: `wrap_socket` secures the Wire it is given.

    `name` is what the broker's certificate must carry; it comes from the settings, never from
    what was dialled, so that a name server cannot choose it.
    """

    def __init__(self, name, ca, certificate, key):
        self._name = name
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ca)
        context.load_cert_chain(certificate, key)
        self._context = context

    def wrap_socket(self, wire, server_hostname=None):
        """Secure `wire` and return it; `server_hostname` is umqtt's guess and is not used."""
        wire.secure(self._context, self._name)
        return wire
