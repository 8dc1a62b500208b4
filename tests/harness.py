"""What the tests share, on MicroPython and CPython alike."""

_VECTORS = "../shared/vectors/"


def raises(kind, call, *words):
    """Call `call` with `words`; return the exception of `kind` that it raised, and fail where it did not."""
    try:
        call(*words)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


def vectors(path):
    """Return the contents of a file of published vectors, or None where the folder is absent."""
    try:
        with open(_VECTORS + path, "rb") as file:
            return file.read()
    except OSError:
        print("skipped: no", _VECTORS + path)
        return None
