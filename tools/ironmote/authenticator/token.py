"""The counting CONNECT password of a mote: `1.<counter>.<mac>` (docs/PROTOCOL.md, section 8).

Text in, truth out: no I/O, no clock, no memory. Whether a counter was used before is not known here (`marks`).
"""

import hmac
import re

from mote import keys

MAX_COUNTER = 2**64 - 1
MAX_LENGTH = 2 + 20 + 1 + 43
STATIC = 0  # the counter of the form that never changes

# The MAC is 32 bytes in base64url without padding. [0-9] and not \d, which would take the digits of other scripts.
_FORM = re.compile(r"1\.(0|[1-9][0-9]{0,19})\.[A-Za-z0-9_-]{43}")


class TokenError(ValueError):
    """Not a token. The text never holds what was given."""


def counter_of(password: str) -> int:
    """The counter that `password` claims; nothing is verified yet. Raises TokenError where it has not the one form.

    The form: version 1; the counter in decimal without leading zeros, at most 2^64 - 1; 43 letters of base64url.
    """
    if len(password) > MAX_LENGTH:
        raise TokenError("too long for a token")
    found = _FORM.fullmatch(password)
    if found is None:
        raise TokenError("not of the form of a token")
    counter = int(found[1])
    if counter > MAX_COUNTER:
        raise TokenError("a counter beyond 64 bits")
    return counter


def verifies(password: str, connect_key: bytes, mote_id: str, zone_id: str, counter: int) -> bool:
    """True where `password` is the one for this key, mote, zone and counter. Takes as long wherever they differ.

    The whole text is compared, not the decoded MAC: base64 with other unused bits is another text, and refused.
    """
    expected: str = keys.connect_password(connect_key, mote_id, zone_id, counter)
    return hmac.compare_digest(expected.encode(), password.encode())
