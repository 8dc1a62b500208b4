"""What the tests share, on MicroPython and CPython alike."""

# Beside this file: MicroPython gives the path it was imported by, CPython the whole one.
_VECTORS = __file__.rpartition("/")[0] + "/vectors/"


def raises(kind, call, *words):
    """Call `call` with `words`; return the exception of `kind` that it raised, and fail where it did not."""
    try:
        call(*words)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


def vectors(path):
    """Return the contents of a file of published vectors; vectors/ORIGIN.md says where each is from."""
    with open(_VECTORS + path, "rb") as file:
        return file.read()
