"""Properties that hold for any input (Hypothesis): what is encoded comes back, and what is not ours is refused."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mote import cbor, command, record, sealed
from mote.aead import AesCcm

cbor2 = pytest.importorskip("cbor2")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

settings.register_profile("ironmote", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("ironmote")

KEY, FLEET = bytes(range(32)), b"fleet-id"
INTEGERS = st.integers(-(2**64), 2**64 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LEAVES = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False) | st.binary(max_size=40) | TEXTS
KEYS = st.integers(-24, 23) | TEXTS  # of these the orders of RFC 7049, which is cbor2's, and RFC 8949 are the same
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.:/-]{0,31}\Z")
PLAIN_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=64)
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
READINGS = st.builds(
    record.Reading,
    NAMES,
    st.sampled_from([None, "Cel", "%RH"]),
    st.booleans() | SINGLES | st.integers(-(2**40), 2**40) | PLAIN_TEXTS,
    st.none(),
)
_NUMBERS = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-(2.0**29), 2.0**29, width=32)
_COUNTS = st.none() | st.integers(0, 2**40 - 1)


def _commands(values, for_s):
    return st.builds(command.Command, st.binary(min_size=8, max_size=8), NAMES, values, _COUNTS, _COUNTS, for_s)


COMMANDS = _commands(_NUMBERS, st.none() | st.integers(1, 604800)) | _commands(st.text("aä☃𝄞 ", max_size=80), st.none())
CONTENTS = st.binary(max_size=300)


@given(VALUES)
def test_cbor_is_that_of_another_library_and_comes_back(value):
    made = cbor.encode(value)
    assert made == cbor2.dumps(value, canonical=True)
    assert cbor.decode(made, 32) == value
    assert cbor2.loads(made) == value


@given(st.binary(max_size=60))
def test_whatever_cbor_is_taken_is_the_one_encoding_of_its_value(data):
    try:
        value = cbor.decode(data)
    except cbor.CborError:
        return
    assert cbor.encode(value) == data


@given(VALUES, st.data())
def test_changed_cbor_is_refused_or_is_the_one_encoding_of_another_value(value, data):
    made = bytearray(cbor.encode(value))
    made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
    test_whatever_cbor_is_taken_is_the_one_encoding_of_its_value.hypothesis.inner_test(bytes(made))


@given(st.lists(READINGS, min_size=1, max_size=8), st.none() | st.integers(2**28, 2**33))
def test_records_come_back_from_both_forms(readings, base_time):
    for pack, unpack in ((record.pack_cbor, record.unpack_cbor), (record.pack_json, record.unpack_json)):
        if len(packed := pack("cellar/", base_time, "1.7.9", readings)) > sealed.MAX_UP:
            continue
        found = unpack(packed, "cellar")
        assert (found.identity, found.base_time) == ((1, 7, 9), base_time)
        assert [each.name for each in found.readings] == [each.name for each in readings]
        for got, sent in zip(found.readings, readings, strict=True):
            if isinstance(sent.value, float):
                exact = pack is record.pack_cbor or len(record.digits(sent.value)) < 8
                assert not exact or struct.unpack(">f", struct.pack(">f", got.value))[0] == sent.value  # and -0.0 is 0
            else:
                assert got.value == sent.value


@given(st.binary(max_size=120))
def test_records_from_any_bytes_are_refused_with_one_error(data):
    for unpack in (record.unpack_cbor, record.unpack_json):
        try:
            unpack(data, "cellar")
        except record.RecordError:
            continue
        raise AssertionError("no record begins so")


@given(COMMANDS)
def test_commands_come_back_from_both_forms(order):
    assert command.decode_command_cbor(command.encode_command_cbor(order)) == order
    if len(made := command.encode_command_json(order)) <= 512:
        assert command.decode_command_json(made) == order


@given(st.binary(max_size=120))
def test_commands_from_any_bytes_are_refused_with_one_error(data):
    for decode in (command.decode_command_cbor, command.decode_answer_cbor, command.decode_command_json):
        with pytest.raises(command.CommandError):
            decode(data)


@given(st.binary(min_size=8, max_size=8), st.integers(0, sealed.MAX_SEQUENCE), st.binary(max_size=30), CONTENTS)
def test_sealed_message_is_that_of_another_aes_and_opens(random8, sequence, name, content):
    epoch = sealed.make_epoch(1, 7, random8)
    ours = sealed.Context(KEY, FLEET, sealed.UPLINK, epoch)
    theirs = sealed.Context(KEY, FLEET, sealed.UPLINK, epoch, AESCCM)
    message = ours.seal(sequence, name, content)
    assert message == theirs.seal(sequence, name, content)
    envelope = sealed.parse(message, sealed.MAX_UP)
    assert (envelope.kid, envelope.epoch, envelope.sequence) == (sealed.UPLINK, epoch, sequence)
    assert ours.open(envelope, name) == theirs.open(envelope, name) == content


@given(CONTENTS, st.data())
def test_changed_sealed_message_is_refused(content, data):
    context = sealed.Context(KEY, FLEET, sealed.UPLINK, sealed.make_epoch(1, 7, bytes(8)))
    message = bytearray(context.seal(258, b"cellar/up", content))
    message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(sealed.Refused):
        context.open(sealed.parse(message, sealed.MAX_UP), b"cellar/up")


@given(st.binary(max_size=200))
def test_parse_refuses_any_bytes_with_one_error(data):
    with pytest.raises(sealed.Refused):
        sealed.parse(data, sealed.MAX_UP)


@given(
    st.sampled_from([16, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.binary(min_size=7, max_size=13),
    st.sampled_from([4, 8, 16]),
    st.binary(max_size=300),
    st.binary(max_size=100),
)
def test_ccm_is_that_of_another_library(key, nonce, tag, data, aad):
    made = AesCcm(key, tag).encrypt(nonce, data, aad)
    assert made == AESCCM(key, tag).encrypt(nonce, data, aad)
    assert AesCcm(key, tag).decrypt(nonce, made, aad) == data
