"""The old name `ussl`, for umqtt.simple 1.3.4 on firmware that no longer has it.

umqtt calls `ussl.wrap_socket(sock, **ssl_params)`; today's MicroPython wraps through an
SSLContext. `ssl_params` therefore carries the context, and nothing can be wrapped without one:
a session that verifies nobody cannot be asked for by leaving a word out.
"""


def wrap_socket(sock, context, server_hostname=None):
    """Return `sock` wrapped by `context`, an SSLContext or what stands for one."""
    return context.wrap_socket(sock, server_hostname=server_hostname)
