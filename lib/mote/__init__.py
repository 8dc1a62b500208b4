"""The mote: everything that runs on the device, and the pure modules that the gateway shares."""

__version__ = "0.1.0"

try:
    from micropython import const
except ImportError:  # CPython, where the gateway and the tests use the pure modules

    def const(value):
        """Return `value`; on MicroPython the compiler puts it where its name stands."""
        return value
