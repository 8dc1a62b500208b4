"""`esp32`: the thermometer of chips that have one; storage, kept as `<dir>/nvs/<namespace>/<key>.blob` or `.i32`.

Errors are those of ESP-IDF as MicroPython raises them: OSError(-code, name).
"""

import os

from micropython import const

import _hardware

_ROOT = "/.state/nvs"
_NOT_FOUND = const(0x1102)
_TYPE_MISMATCH = const(0x1103)
_NO_SPACE = const(0x1105)
_INVALID_NAME = const(0x1106)
_KEY_TOO_LONG = const(0x1109)
_INVALID_LENGTH = const(0x110C)
_LONGEST_NAME = const(15)
_NAMES = {
    _NOT_FOUND: "ESP_ERR_NVS_NOT_FOUND",
    _TYPE_MISMATCH: "ESP_ERR_NVS_TYPE_MISMATCH",
    _NO_SPACE: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    _INVALID_NAME: "ESP_ERR_NVS_INVALID_NAME",
    _KEY_TOO_LONG: "ESP_ERR_NVS_KEY_TOO_LONG",
    _INVALID_LENGTH: "ESP_ERR_NVS_INVALID_LENGTH",
}


def _fail(code):
    raise OSError(-code, _NAMES[code])


def _there(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


class NVS:
    """One namespace. What is set can be read at once and is on disk at once; commit adds nothing."""

    def __init__(self, namespace):
        if not namespace or len(namespace) > _LONGEST_NAME or "/" in namespace:
            _fail(_INVALID_NAME)
        self._folder = _ROOT + "/" + namespace
        for folder in (_ROOT, self._folder):
            if not _there(folder):
                os.mkdir(folder)

    def __repr__(self):
        return "<NVS namespace>"

    def _path(self, key):
        if len(key) > _LONGEST_NAME:
            _fail(_KEY_TOO_LONG)
        if not key or "/" in key:
            _fail(_INVALID_NAME)
        return self._folder + "/" + key

    def _read(self, key, form, other):
        path = self._path(key)
        if _there(path + form):
            with open(path + form, "rb") as file:
                return file.read()
        return _fail(_TYPE_MISMATCH if _there(path + other) else _NOT_FOUND)

    def _write(self, key, form, other, data):
        path = self._path(key)
        if _hardware.fault("flash") == "full":
            _fail(_NO_SPACE)
        _hardware.use("nvs " + key)
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path + form)
        if _there(path + other):
            os.remove(path + other)

    def set_i32(self, key, value):
        """Keep a 32-bit signed integer."""
        self._write(key, ".i32", ".blob", (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def get_i32(self, key):
        """Return a 32-bit signed integer."""
        value = int.from_bytes(self._read(key, ".i32", ".blob"), "little")
        return value - (value >> 31 << 32)

    def set_blob(self, key, value):
        """Keep bytes."""
        self._write(key, ".blob", ".i32", value)

    def get_blob(self, key, buffer):
        """Read bytes into `buffer`; return how many there were."""
        data = self._read(key, ".blob", ".i32")
        if len(data) > len(buffer):
            _fail(_INVALID_LENGTH)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def erase_key(self, key):
        """Forget `key`."""
        path = self._path(key)
        for form in (".blob", ".i32"):
            if _there(path + form):
                os.remove(path + form)
                return
        _fail(_NOT_FOUND)

    def commit(self):
        """Do nothing: it is already written."""


if _hardware.chip != "esp32":

    def mcu_temperature():
        """Return the chip's own temperature in whole degrees Celsius."""
        for part in _hardware.parts("die"):
            return part.celsius()
        return 41
