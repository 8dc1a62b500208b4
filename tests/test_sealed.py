"""A sealed message opens as it was sealed, and nothing else does."""

from binascii import unhexlify

from harness import raises
from mote import cbor, keys, sealed

SEAL_KEY = bytes(range(32))
FLEET = b"fleet-id"
EPOCH = sealed.make_epoch(1, 7, b"\x00\x11\x22\x33\x44\x55\x66\x77")
NAME = b"kitchen/up"
TEXT = b"\x82\xa3\x21\x68kitchen/"
DOWN = sealed.DOWNLINK + b"\xa1\xb2\xc3\xd4\xe5\xf6"


def context(kid=sealed.UPLINK, epoch=EPOCH, seal_key=SEAL_KEY, fleet=FLEET):
    return sealed.Context(seal_key, fleet, kid, epoch)


def message(sequence=258):
    return context().seal(sequence, NAME, TEXT)


def open_(data, name=NAME, whose=None):
    return (whose or context()).open(sealed.parse(data, sealed.MAX_UP), name)


def refused(data, limit=sealed.MAX_UP):
    raises(sealed.Refused, sealed.parse, data, limit)


def test_bytes_are_those_of_the_second_implementation():
    # The first message of sealed_v1.json.
    seal_key = unhexlify("79c6b1c87cad3ff610c9d61e5a91e62cac1240513e79b2bb244c16882c7e55f5")
    uplink = sealed.Context(seal_key, unhexlify("6f726368617264"), b"\x01", EPOCH)
    made = uplink.seal(0, NAME, unhexlify("82a321686b69746368656e2f"))
    assert made == unhexlify(
        "d08344a101181fa30441010641000a4d01000000070011223344556677581c"
        "c995c8951f8a45ea09e24b5cdd7b2f4b3e59b72f90371d015f4d6d10"
    )
    assert uplink.nonce(0) == unhexlify("1e2ae6a0f3edeac067a46827c1")
    assert uplink.nonce(258) == unhexlify("1e2ae6a0f3edeac067a46826c3")


def test_derivation_of_rfc_8613_c_1():
    salt, secret = unhexlify("9e7ca92223786340"), bytes(range(1, 17))
    info = sealed.oscore_info(b"", None, 10, "Key", 16)
    assert info == unhexlify("8540f60a634b657910")
    assert keys.hkdf(salt, secret, info, 16) == unhexlify("f0910ed7295e6ad4b54fc793154302ff")
    info = sealed.oscore_info(b"\x01", None, 10, "Key", 16)
    assert keys.hkdf(salt, secret, info, 16) == unhexlify("ffb14e093c94c9cac9471648b4f98710")
    info = sealed.oscore_info(b"", None, 10, "IV", 13)
    common = keys.hkdf(salt, secret, info, 13)
    assert common == unhexlify("4622d4dd6d944168eefb54987c")
    assert sealed.oscore_nonce(common, b"", b"\x14") == unhexlify("4622d4dd6d944168eefb549868")
    assert sealed.oscore_nonce(common, b"\x01", b"\x00") == unhexlify("4722d4dd6d944169eefb54987c")


def test_opens_for_every_sender_and_size_of_sequence():
    for kid in (sealed.UPLINK, sealed.WILL, DOWN):
        for sequence in (0, 1, 23, 255, 256, 65535, 65536, 2**24, 2**32 - 1, 2**32, sealed.MAX_SEQUENCE):
            whole = context(kid).seal(sequence, NAME, TEXT)
            envelope = sealed.parse(whole, sealed.MAX_UP)
            assert (envelope.kid, envelope.epoch, envelope.sequence) == (kid, EPOCH, sequence)
            assert context(kid).open(envelope, NAME) == TEXT


def test_form_is_that_of_a_tagged_cose_encrypt0():
    whole = message()
    assert whole[:1] == b"\xd0"
    protected, unprotected, ciphertext = cbor.decode(whole[1:])
    assert protected == b"\xa1\x01\x18\x1f"
    assert unprotected == {4: b"\x01", 6: b"\x01\x02", 10: EPOCH}
    assert len(ciphertext) == len(TEXT) + 16


def test_every_size_of_content_opens():
    uplink = context()
    for size in (0, 1, 7, 8, 15, 16, 200, 239, 240, 241, 1000, 4000):
        assert open_(uplink.seal(size, NAME, bytes(size)), NAME, uplink) == bytes(size)


def test_the_same_sequence_number_gives_other_bytes_under_another_name_key_or_epoch():
    others = {
        context().seal(1, NAME, TEXT),
        context().seal(1, b"kitchen/ack", TEXT),
        context(sealed.WILL).seal(1, NAME, TEXT),
        context(epoch=sealed.make_epoch(1, 8, bytes(8))).seal(1, NAME, TEXT),
        context(fleet=b"fleet-ie").seal(1, NAME, TEXT),
        context(seal_key=bytes(32)).seal(1, NAME, TEXT),
    }
    assert len({bytes(each[-20:]) for each in others}) == 6


def test_every_flipped_bit_is_refused():
    whole = message()
    uplink = context()
    for i in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[i] ^= 1 << bit
            raises(sealed.Refused, open_, bytes(changed), NAME, uplink)


def test_every_truncation_is_refused():
    whole = message()
    uplink = context()
    for size in range(len(whole)):
        raises(sealed.Refused, open_, whole[:size], NAME, uplink)


def test_trailing_bytes_are_refused():
    refused(message() + b"\x00")
    refused(message() + message())


def test_another_name_is_refused():
    for name in (b"kitchen/ack", b"cellar/up", b"kitchen/u", b"kitchen/up/", b"sealed/kitchen/up", b""):
        raises(sealed.Refused, open_, message(), name)


def test_another_key_fleet_epoch_or_sender_is_refused():
    for whose in (
        context(seal_key=bytes(32)),
        context(fleet=b"fleet-ie"),
        context(sealed.WILL),
        context(epoch=sealed.make_epoch(1, 7, bytes(8))),
        context(epoch=sealed.make_epoch(2, 7, EPOCH[5:])),
    ):
        raises(sealed.Refused, open_, message(), NAME, whose)


def test_relabelled_sender_epoch_or_sequence_is_refused():
    whole = message()
    assert whole[10:11] == b"\x01"
    will = whole[:10] + b"\x03" + whole[11:]
    raises(sealed.Refused, open_, will, NAME, context(sealed.WILL))
    other = sealed.make_epoch(1, 8, EPOCH[5:])
    raises(sealed.Refused, open_, whole.replace(EPOCH, other), NAME, context(epoch=other))
    raises(sealed.Refused, open_, whole.replace(b"\x06\x42\x01\x02", b"\x06\x42\x01\x03"))


def test_wrong_form_is_refused():
    whole = message()
    assert whole[:15] == unhexlify("d08344a101181fa304410106420102")
    tail = whole[15:]
    for why, head in (
        ("no tag", "8344a101181fa3044101064201 02"),
        ("COSE_Encrypt", "d8608344a101181fa30441010642 0102"),
        ("tag not shortest", "d8108344a101181fa3044101064201 02"),
        ("array of four", "d08444a101181fa3044101064201 02"),
        ("indefinite array", "d09f44a101181fa3044101064201 02"),
        ("array length not shortest", "d0980344a101181fa3044101064201 02"),
        ("16-byte key", "d08344a101181ea3044101064201 02"),
        ("8-byte tag", "d08343a1010aa30441010642 0102"),
        ("empty protected header", "d08340a3044101064201 02"),
        ("protected header with a second label", "d08346a20118 1f0540a3044101064201 02"),
        ("protected length not shortest", "d0835804a101181fa3044101064201 02"),
        ("algorithm not shortest", "d08345a10119001fa3044101064201 02"),
        ("algorithm not protected", "d08340a401181f044101064201 02"),
        ("indefinite unprotected map", "d08344a101181fbf044101064201 02"),
        ("map of two", "d08344a101181fa2044101064201 02"),
        ("map of four", "d08344a101181fa4044101064201 02"),
        ("another label first", "d08344a101181fa3054101064201 02"),
        ("labels out of order", "d08344a101181fa3064201020441 01"),
        ("kid twice", "d08344a101181fa3044101044101"),
        ("kid as text", "d08344a101181fa3046101064201 02"),
        ("kid length not shortest", "d08344a101181fa304580101064201 02"),
        ("empty kid", "d08344a101181fa30440064201 02"),
        ("unknown kid", "d08344a101181fa3044105064201 02"),
        ("kid of a gateway without its random part", "d08344a101181fa3044102064201 02"),
        ("kid of eight bytes", "d08344a101181fa304480201020304050607064201 02"),
        ("kid of seven bytes that is no gateway's", "d08344a101181fa304470101020304050 6064201 02"),
        ("empty Partial IV", "d08344a101181fa30441010640"),
        ("Partial IV not minimal", "d08344a101181fa3044101064300 0102"),
        ("Partial IV zero in two bytes", "d08344a101181fa304410106420000"),
        ("Partial IV of six bytes", "d08344a101181fa3044101064601 0203040506"),
        ("Partial IV length not shortest", "d08344a101181fa304410106580201 02"),
        ("Partial IV as a number", "d08344a101181fa304410106190102"),
    ):
        head = unhexlify(head.replace(" ", ""))
        try:
            sealed.parse(head + tail, sealed.MAX_UP)
        except sealed.Refused:
            continue
        raise AssertionError(why)


def test_wrong_epoch_or_body_is_refused():
    whole = message()
    head = whole[:15]
    assert whole[15:30] == b"\x0a\x4d" + EPOCH and whole[30] == 0x58
    for changed in (
        head + b"\x0a\x4c" + EPOCH[:12] + whole[30:],
        head + b"\x0a\x4e" + EPOCH + b"\0" + whole[30:],
        head + b"\x0a\x58\x0d" + EPOCH + whole[30:],
        head + b"\x0b\x4d" + EPOCH + whole[30:],
        whole[:7] + b"\xa4" + whole[8:30] + b"\x0b\x00" + whole[30:],
        head + b"\x05\x4d" + EPOCH + whole[30:],
        whole[:30] + b"\x59\x00" + whole[31:],
        whole[:30] + b"\x5f\x58" + whole[31:] + b"\xff",
        whole[:30] + b"\x78" + whole[31:],
        whole[:30] + b"\xf6",
        whole[:30] + b"\x4f" + bytes(15),
        whole[:30] + b"\x40",
        whole[:30] + b"\x58\x10" + bytes(15),
        whole[:30] + b"\x58\x17" + bytes(23),
        whole[:30] + b"\x5a\xff\xff\xff\xff" + bytes(16),
        whole[:30] + b"\x5b\x00\x00\x00\x00\x00\x00\x00\x10" + bytes(16),
    ):
        refused(changed)
    sealed.parse(whole[:30] + b"\x50" + bytes(16), sealed.MAX_UP)


def test_what_is_no_message_at_all_is_refused():
    for data in (b"", b"\xd0", bytes(100), b"\xff" * 100, b'{"v":1}', b"[]"):
        refused(data)
    refused("text")
    refused(None)


def test_oversize_is_refused_both_ways():
    whole = context().seal(0, NAME, bytes(4096 - 48))
    assert len(whole) == 4096
    sealed.parse(whole, sealed.MAX_UP)
    refused(whole, 4095)
    refused(whole, sealed.MAX_DOWN)
    raises(ValueError, context().seal, 0, NAME, bytes(4096 - 47))
    assert len(context(DOWN).seal(0, b"kitchen/down", bytes(1024 - 54))) == 1024
    raises(ValueError, context(DOWN).seal, 0, b"kitchen/down", bytes(1024 - 53))


def test_spent_sequence_numbers_seal_nothing():
    raises(ValueError, context().seal, sealed.MAX_SEQUENCE + 1, NAME, TEXT)
    raises(ValueError, context().seal, -1, NAME, TEXT)


def test_buffers_parse_like_bytes():
    whole = message()
    assert open_(bytearray(whole)) == TEXT
    assert open_(memoryview(whole)) == TEXT


def test_refusal_says_nothing_of_keys_or_content():
    error = raises(sealed.Refused, open_, message(), b"kitchen/ack")
    assert str(error) == "does not verify"
    assert isinstance(sealed.Replayed("x"), sealed.Refused)


def test_epoch_comes_apart_as_it_was_made():
    assert sealed.split_epoch(sealed.make_epoch(255, 2**32 - 1, b"abcdefgh")) == (255, 2**32 - 1, b"abcdefgh")
    for parts in ((256, 1, bytes(8)), (-1, 1, bytes(8)), (1, 2**32, bytes(8)), (1, -1, bytes(8)), (1, 1, bytes(7))):
        raises(ValueError, sealed.make_epoch, *parts)
    raises(ValueError, sealed.split_epoch, bytes(12))


class Broken:
    """An AEAD that fails in a way that is no refusal."""

    def __init__(self, key):
        pass

    def decrypt(self, nonce, data, aad):
        raise MemoryError


def test_a_failure_that_is_no_refusal_is_not_hidden():
    broken = sealed.Context(SEAL_KEY, FLEET, sealed.UPLINK, EPOCH, Broken)
    raises(MemoryError, broken.open, sealed.parse(message(), sealed.MAX_UP), NAME)
