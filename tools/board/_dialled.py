"""`socket` that tells the host whom the board asks for: a line `name port` in `<dir>/dialled` each time.

A connection needs an address, and addresses come from getaddrinfo: what is not in the file was not dialled.
"""

import socket as _socket
from socket import *  # noqa: F403
from time import sleep

import _hardware

_NO_SUCH_NAME = -202  # what the firmware's resolver says without a network
_NO_SUCH_NAME_ESP8266 = -2
_PATIENCE_S = 1


def getaddrinfo(host, port, *rest):
    """Return what the real one returns, and write down what it was asked."""
    with open("/.state/dialled", "a") as file:
        file.write("%s %d\n" % (host, port))
    fault = _hardware.fault("dns")
    if fault == "silent":
        sleep(_PATIENCE_S)
    if fault:
        raise OSError(_NO_SUCH_NAME_ESP8266 if _hardware.chip == "esp8266" else _NO_SUCH_NAME)
    return _socket.getaddrinfo(host, port, *rest)
