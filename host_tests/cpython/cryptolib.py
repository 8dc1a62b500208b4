"""MicroPython's `cryptolib.aes` for CPython, on top of `cryptography`: for running device tests on a desktop."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_ECB = 1
_CBC = 2


class aes:
    """AES in ECB (1) or CBC (2), with the interface and the chaining of `cryptolib.aes`."""

    def __init__(self, key, mode, iv=None):
        modes_by_number = {_ECB: lambda: modes.ECB(), _CBC: lambda: modes.CBC(iv)}
        cipher = Cipher(algorithms.AES(key), modes_by_number[mode]())
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()

    def encrypt(self, data, out=None):
        """Return `data` encrypted, or put it into `out`."""
        return _give(self._encryptor.update(bytes(data)), out)

    def decrypt(self, data, out=None):
        """Return `data` decrypted, or put it into `out`."""
        return _give(self._decryptor.update(bytes(data)), out)


def _give(data, out):
    if out is None:
        return data
    out[: len(data)] = data
    return None
