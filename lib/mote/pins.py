"""The safe state of every pin that drives something, for the moments in which there are no actuators.

It is `/pins`, which provisioning writes beside the settings, so that it takes neither them nor the memory to read them:

    "p1" ‖ for each pin its number (1) ‖ frequency in Hz (2), 0 for a plain level ‖ duty, 0 to 65535 (2) ‖ CRC-32 (4)

Pins float from the reset until this has run: what must not switch meanwhile needs a resistor.
"""

import binascii
import struct

PATH = "/pins"
_MAGIC = b"p1"
_ROW = ">BHH"
_ROW_SIZE = 5
LONGEST = 96  # eight pins, and after settings were given up (mote.lastgood) eight more


def pack(rows):
    """Return the file for `rows`, each a pin, a frequency in hertz or 0, and a duty of 65535."""
    body = _MAGIC + b"".join([struct.pack(_ROW, *row) for row in rows])
    return body + struct.pack(">I", binascii.crc32(body))


def parse(data):
    """Return the rows of the file. Raises ValueError where it is damaged."""
    body = data[:-4]
    if body[:2] != _MAGIC or len(body) % _ROW_SIZE != 2 or struct.pack(">I", binascii.crc32(body)) != data[-4:]:
        raise ValueError("damaged")
    return [struct.unpack_from(_ROW, body, at) for at in range(2, len(body), _ROW_SIZE)]


def safe():
    """Put every pin into its safe state; says what hinders it, and never raises."""
    try:
        from mote import store

        data = store.read(PATH, LONGEST)
        rows = parse(data) if data is not None else ()
    except Exception as error:
        print("boot: the pins are not known:", repr(error))
        return
    for row in rows:
        try:
            _drive(*row)
        except Exception as error:
            print("boot: pin %d:" % row[0], repr(error))


def _drive(number, freq_hz, duty):
    from machine import PWM, Pin

    if freq_hz:
        PWM(Pin(number), freq=freq_hz, duty_u16=duty)
    else:
        # The level is set before the pin is an output, so that nothing clicks.
        Pin(number, Pin.OUT, value=1 if duty else 0)
