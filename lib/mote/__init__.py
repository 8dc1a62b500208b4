"""The mote: everything that runs on the device, and the pure modules that the gateway shares."""

try:
    from micropython import const
except ImportError:  # CPython, where the gateway and the tests use the pure modules

    def const(value):
        """Return `value`; on MicroPython the compiler puts it where its name stands."""
        return value
