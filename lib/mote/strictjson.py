"""JSON from outside (RFC 8259), read as strictly as the runtime can."""

import json
import sys


def loads(data):
    """Return the value in `data`, bytes of UTF-8. Raises ValueError, and nothing else.

    A name twice in an object, NaN and infinities are refused where `json` can tell. MicroPython's takes
    the last of two names, and is lax with commas and colons; what a mote reads came inside TLS, from a
    sender that the broker has authenticated, and its fields are checked one by one.
    """
    try:
        text = bytes(data).decode()
        if "\0" in text:  # where MicroPython stops reading
            raise ValueError
        if sys.implementation.name == "micropython":
            return json.loads(text)
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        raise ValueError("not JSON")


def _object(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _constant(name):
    raise ValueError("not a number")
