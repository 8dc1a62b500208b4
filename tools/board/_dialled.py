"""`socket` that tells the host whom the board asks for: a line `name port` in `<dir>/dialled` each time.

A connection needs an address, and addresses come from getaddrinfo: what is not in the file was not dialled. The fault
"dns" is "silent": no name has an address, and the chip says so as its firmware does.
"""

import socket as _socket
from socket import *  # noqa: F403

import _hardware


def getaddrinfo(host, port, *rest):
    """Return what the real one returns, and write down what it was asked."""
    with open("/.state/dialled", "a") as file:
        file.write("%s %d\n" % (host, port))
    if _hardware.fault("dns") == "silent" and not host.replace(".", "").isdigit():
        raise OSError(-2 if _hardware.chip == "esp8266" else -202)
    return _socket.getaddrinfo(host, port, *rest)
