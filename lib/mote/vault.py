"""Where a mote keeps its secrets and its boot counter: NVS where the chip has one, else files.

Both forms have `get(name, limit)` and `put(name, data)`; names are at most 15 characters, which
is what NVS takes. Neither ever prints what it holds.
"""

from mote import store

NAMESPACE = "ironmote"  # of the NVS
FOLDER = "/secrets"


class NvsVault:
    """Secrets in the non-volatile storage of an ESP32, outside the file system."""

    def __init__(self, nvs):
        self._nvs = nvs

    def get(self, name, limit):
        """Return the bytes kept as `name`, or None; OSError where they are more than `limit`."""
        buffer = bytearray(limit)
        try:
            size = self._nvs.get_blob(name, buffer)
        except OSError as error:
            if error.errno == -0x1102:  # ESP_ERR_NVS_NOT_FOUND
                return None
            raise
        return bytes(buffer[:size])

    def put(self, name, data):
        """Keep `data` as `name`; it is in flash when this returns."""
        self._nvs.set_blob(name, data)
        self._nvs.commit()


class FileVault:
    """Secrets as files, for a chip that has no NVS (ESP8266)."""

    def get(self, name, limit):
        """Return the bytes kept as `name`, or None; ValueError where they are more than `limit`."""
        return store.read(FOLDER + "/" + name, limit)

    def put(self, name, data):
        """Keep `data` as `name`; it is in flash when this returns."""
        store.make_folder(FOLDER)
        store.write(FOLDER + "/" + name, data)


def open_vault():
    """Return this board's vault."""
    try:
        from esp32 import NVS
    except ImportError:
        return FileVault()
    return NvsVault(NVS(NAMESPACE))


def read_slot(vault, name, size):
    """Return what `vault` keeps as `name`, or None where it is missing or larger than a slot of `size` bytes."""
    try:
        return vault.get(name, size)
    except (OSError, ValueError):
        return None
