"""One value has one encoding, and only that is taken."""

import struct
from binascii import unhexlify

from harness import raises
from mote import cbor

# RFC 8949, appendix A, within the deterministic subset.
SAME = (
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("18ff", 255),
    ("190100", 256),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1affffffff", 4294967295),
    ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3863", -100),
    ("3903e7", -1000),
    ("3bffffffffffffffff", -18446744073709551616),
    ("f90000", 0.0),
    ("f93c00", 1.0),
    ("f93e00", 1.5),
    ("f97bff", 65504.0),
    ("fa47c35000", 100000.0),
    ("fa7f7fffff", 3.4028234663852886e38),
    ("f90001", 5.960464477539063e-8),
    ("f90400", 0.00006103515625),
    ("f9c400", -4.0),
    ("f97c00", float("inf")),
    ("f9fc00", float("-inf")),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("60", ""),
    ("6161", "a"),
    ("62225c", '"\\'),
    ("62c3bc", "\xfc"),
    ("63e6b0b4", "\u6c34"),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
)

REFUSED = {
    "lengths that need no second byte": "1800 1817 3817 5817 7800 9800 b800",
    "lengths that need fewer bytes": "190018 1900ff 1a0000ffff 1b00000000ffffffff 590001ff 790001 61",
    "floats that are longer than they need be": "fa00000000 fa3fc00000 fa7f800000 fb3ff0000000000000 "
    "fb7ff0000000000000 fb7ff8000000000000 fb8000000000000000 fb36a0000000000000 fb47efffffe0000000",
    "another NaN than the one": "f97e01 f97c01 f9fe00 fa7fc00000 fa7f800001",
    "keys out of order": "a203040102 a2616201616100 a262616101616200 a2200001",
    "a key twice": "a201020102 a2616101616102 a300010102010300",
    "keys that are no integer and no string": "a1f500 a1f600 a1f93c0000 a18000 a1a000 a1c00000",
    "indefinite lengths": "5f4101ff 7f6161ff 9f01ff bf0102ff 9fff",
    "reserved heads": "1c 1d 1e 1f 3c 5c 7d 9e bd fc",
    "tags": "c000 c11a514b67b0 c249010000000000000000 d74401020304 d9d9f700",
    "other simple values": "f7 e0 f0 f3 f8ff f818",
    "text that is not UTF-8": "62c0ae 63eda080 61ff 6180 62c328 63e08080 64f0808080 64f4908080 61c3 65f888808080",
    "bytes behind the value": "0000 f600 4100ff a000 80f6",
    "lengths of what is not there": "5affffffff 7affffffff 9affffffff baffffffff 5bffffffffffffffff 9bffffffffffffffff",
    "an item that is not there": "81 8201 a1 a101 a2010203 43aabb 62c3",
}


def test_appendix_a_of_rfc_8949_both_ways():
    for encoded, value in SAME:
        data = unhexlify(encoded)
        assert cbor.encode(value) == data, encoded
        back = cbor.decode(data)
        assert back == value and isinstance(back, type(value)), encoded


def test_nan_is_one():
    assert cbor.encode(float("nan")) == b"\xf9\x7e\x00"
    back = cbor.decode(b"\xf9\x7e\x00")
    assert back != back


def test_negative_zero_keeps_its_sign():
    assert cbor.encode(-0.0) == b"\xf9\x80\x00"
    assert cbor.encode(cbor.decode(b"\xf9\x80\x00")) == b"\xf9\x80\x00"


def test_every_other_form_is_refused():
    for why in REFUSED:
        for encoded in REFUSED[why].split():
            try:
                cbor.decode(unhexlify(encoded))
            except cbor.CborError:
                continue
            raise AssertionError("%s: %s" % (why, encoded))


def test_nothing_at_all_is_refused():
    raises(cbor.CborError, cbor.decode, b"")


def test_truncation_at_every_length_is_refused():
    whole = cbor.encode(
        {"a": [1, -300, 70000, 2**33, 0.1, 1.5, 100000.5, None], "bb": {b"\1": "\u6c34", 5: bytes(300)}}
    )
    for size in range(len(whole)):
        raises(cbor.CborError, cbor.decode, whole[:size])


def test_no_change_of_a_bit_gives_the_same_value():
    value = {"a": [1, -300, 70000, 0.5, None, True], "bb": {b"\1": "\u6c34", 5: b"xyz"}}
    whole = cbor.encode(value)
    for i in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[i] ^= 1 << bit
            try:
                assert cbor.encode(cbor.decode(changed)) == changed
            except cbor.CborError:
                pass


def test_a_double_that_a_single_holds_is_refused_and_every_other_is_taken():
    # By bits, because boards with single floats cannot compare the values.
    for bits, needs in (
        ("3ff199999999999a", True),
        ("3ff0000020000000", False),
        ("3ff0000010000000", True),
        ("3810000000000000", False),
        ("380fffffc0000000", False),
        ("380fffffe0000000", True),
        ("36a0000000000000", False),
        ("3690000000000000", True),
        ("36a8000000000000", True),
        ("47efffffe0000000", False),
        ("47effffff0000000", True),
        ("47f0000000000000", True),
        ("0000000000000001", True),
        ("8000000000000000", False),
        ("7ff0000000000000", False),
        ("fff8000000000001", False),
    ):
        data = b"\xfb" + unhexlify(bits)
        if needs:
            assert isinstance(cbor.decode(data), float), bits
        else:
            raises(cbor.CborError, cbor.decode, data)


def test_a_double_survives_where_floats_are_double():
    if struct.unpack(">d", struct.pack(">d", 0.1))[0] == struct.unpack(">f", struct.pack(">f", 0.1))[0]:
        return  # this board has singles
    for value in (0.1, 1e39, -1e300, 5e-324):
        assert cbor.decode(cbor.encode(value)) == value


def test_keys_are_sorted_by_their_encoding():
    # RFC 8949, 4.2.1
    keys = [10, 100, -1, "z", "aa"]
    encoded = cbor.encode(dict.fromkeys(keys))
    assert encoded == unhexlify("a50af61864f620f6617af6626161f6")


def test_nesting_and_number_of_values_are_bounded():
    assert cbor.decode(b"\x81\x81\x81\x81\x00") == [[[[0]]]]
    raises(cbor.CborError, cbor.decode, b"\x81\x81\x81\x81\x81\x00")
    raises(cbor.CborError, cbor.decode, b"\x81" * 5000)
    raises(cbor.CborError, cbor.decode, b"\x80", 0)
    assert len(cbor.decode(b"\x98\x7f" + bytes(127))) == 127
    raises(cbor.CborError, cbor.decode, b"\x98\x80" + bytes(128))
    raises(cbor.CborError, cbor.decode, b"\xa1\x00\x00", 4, 2)


def test_what_has_no_encoding_is_refused():
    for value in (2**64, -(2**64) - 1, object(), {1.5: 0}, {None: 0}, {True: 0}, {(1,): 0}, [set()]):
        raises(cbor.CborError, cbor.encode, value)


def test_bytes_like_and_tuples_encode():
    assert cbor.encode((bytearray(b"a"), memoryview(b"b"))) == b"\x82\x41a\x41b"


def test_heads_are_the_shortest():
    for number, head in ((0, "40"), (23, "57"), (24, "5818"), (255, "58ff"), (256, "590100"), (65536, "5a00010000")):
        assert cbor.head(cbor.BYTES, number) == unhexlify(head)
    raises(cbor.CborError, cbor.head, cbor.BYTES, 2**64)
