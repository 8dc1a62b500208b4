"""mote.cbor against cbor2, which others wrote: a bug shared by our two ends would pass every round trip of ours."""

import math
from io import BytesIO

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from mote import cbor

# One kind of key a map: cbor2 sorts by length first (RFC 7049), which is the same order only within a kind.
KEYS = (some.integers(0, 2**64 - 1), some.integers(-(2**64), -1), some.text(max_size=12), some.binary(max_size=12))
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers(-(2**64), 2**64 - 1)
    | some.floats(allow_nan=False)
    | some.text(max_size=300)
    | some.binary(max_size=300)
)
VALUES = some.recursive(
    LEAVES,
    lambda inner: (
        some.lists(inner, max_size=5) | some.one_of([some.dictionaries(keys, inner, max_size=5) for keys in KEYS])
    ),
    max_leaves=12,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES.filter(lambda value: depth(value) <= 4))
def test_both_write_the_same_bytes_and_read_them_back(value: object):
    ours = cbor.encode(value)
    assert ours == cbor2.dumps(value, canonical=True)
    assert cbor.decode(ours) == cbor2.loads(ours) == value


@given(some.floats())
@example(math.nan)
@example(65504.0)
@example(65505.0)
@example(2.0**-24)
@example(2.0**-25)
@example(-0.0)
def test_both_write_the_shortest_float(value: float):
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@given(some.binary(max_size=80) | VALUES.map(lambda value: cbor2.dumps(value)))
@example(b"\xc0\x60")
@example(b"\x9f\xff")
def test_what_we_take_the_other_reads_alike_and_writes_back(data: bytes):
    try:
        value = cbor.decode(data)
    except cbor.CborError:
        return
    file = BytesIO(data)
    other = cbor2.CBORDecoder(file).decode()
    assert file.tell() == len(data)
    assert repr(other) == repr(value)
    assert cbor.encode(value) == data


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1, {1.5: 1}, {None: 1}, object(), {1, 2}])
def test_what_has_no_form_is_refused(value: object):
    with pytest.raises(cbor.CborError):
        cbor.encode(value)
