"""A TLS socket that reads ahead: paho asks for a message in three pieces, and each would be a call of OpenSSL's."""

import ssl

_AHEAD = 65_536


class ReadingAhead(ssl.SSLSocket):
    """For `SSLContext.sslsocket_class`: `recv` gives what it has, and asks for much where it has nothing."""

    _had = b""
    _at = 0

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As a socket's; what it raises, it raises with nothing left behind."""
        had, at = self._had, self._at
        if at == len(had):
            had, at = super().recv(max(buflen, _AHEAD), flags), 0
        end = min(at + buflen, len(had))
        if end == len(had):
            self._had, self._at = b"", 0
        else:
            self._had, self._at = had, end
        return had[at:end]

    def pending(self) -> int:
        """Bytes that `recv` gives without asking; who selects on the socket has to know of them.

        OpenSSL itself holds none: it opens one TLS record at a time, and `recv` takes all of it (RFC 8446, 5.1).
        """
        return len(self._had) - self._at
