"""AES-CCM against printed examples, and refusals."""

from binascii import unhexlify

from harness import raises
from mote import aead
from mote.aead import AesCcm, InvalidTag

# RFC 3610, 8, packet vector 1
KEY = unhexlify("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
NONCE = unhexlify("00000003020100a0a1a2a3a4a5")
AAD = bytes(range(8))
PLAIN = bytes(range(8, 31))
WHOLE = unhexlify("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")


def test_packet_vector_1_of_rfc_3610():
    cipher = AesCcm(KEY, 8)
    assert cipher.encrypt(NONCE, PLAIN, AAD) == WHOLE
    assert cipher.decrypt(NONCE, WHOLE, AAD) == PLAIN


def test_example_1_of_sp_800_38c_has_a_short_nonce_and_tag():
    cipher = AesCcm(bytes(range(0x40, 0x50)), 4)
    whole = unhexlify("7162015b4dac255d")
    assert cipher.encrypt(bytes(range(0x10, 0x17)), unhexlify("20212223"), AAD) == whole
    assert cipher.decrypt(bytes(range(0x10, 0x17)), whole, AAD) == unhexlify("20212223")


def test_message_of_rfc_8613_c_4():
    cipher = AesCcm(unhexlify("f0910ed7295e6ad4b54fc793154302ff"), 8)
    aad = unhexlify("8368456e63727970743040488501810a40411440")
    whole = cipher.encrypt(unhexlify("4622d4dd6d944168eefb549868"), unhexlify("01b3747631"), aad)
    assert whole == unhexlify("612f1092f1776f1c1668b3825e")


def test_one_object_serves_many_messages():
    cipher = AesCcm(KEY, 8)
    for _ in range(3):
        assert cipher.encrypt(NONCE, PLAIN, AAD) == WHOLE
        raises(InvalidTag, cipher.decrypt, NONCE, WHOLE, b"")
        assert cipher.decrypt(NONCE, WHOLE, AAD) == PLAIN


def test_every_size_comes_back_with_every_size_of_aad():
    cipher = AesCcm(bytes(range(32)))
    for size in list(range(50)) + [127, 128, 255, 256, 257, 272, 383, 384, 385, 1040, 4096, 5000]:
        data = bytes(i * 7 & 0xFF for i in range(size))
        for aad in (None, b"", bytes(1), bytes(14), bytes(15), bytes(200)):
            whole = cipher.encrypt(NONCE, data, aad)
            assert len(whole) == size + 16
            assert cipher.decrypt(NONCE, whole, aad) == data


def test_none_and_empty_aad_are_the_same():
    cipher = AesCcm(KEY)
    assert cipher.encrypt(NONCE, PLAIN, None) == cipher.encrypt(NONCE, PLAIN, b"")


def test_buffers_are_taken_and_left_as_they_were():
    cipher = AesCcm(KEY, 8)
    plain = bytearray(PLAIN)
    assert cipher.encrypt(NONCE, plain, AAD) == WHOLE
    assert cipher.encrypt(NONCE, memoryview(PLAIN), AAD) == WHOLE
    assert plain == PLAIN
    assert cipher.decrypt(NONCE, memoryview(WHOLE), AAD) == PLAIN


def test_every_flipped_bit_is_refused():
    cipher = AesCcm(KEY, 8)
    for i in range(len(WHOLE)):
        for bit in range(8):
            changed = bytearray(WHOLE)
            changed[i] ^= 1 << bit
            raises(InvalidTag, cipher.decrypt, NONCE, bytes(changed), AAD)


def test_every_truncation_is_refused():
    cipher = AesCcm(KEY, 8)
    for size in range(len(WHOLE)):
        raises(InvalidTag, cipher.decrypt, NONCE, WHOLE[:size], AAD)
    raises(InvalidTag, cipher.decrypt, NONCE, WHOLE + b"\0", AAD)


def test_other_key_nonce_or_aad_is_refused():
    raises(InvalidTag, AesCcm(bytes(16), 8).decrypt, NONCE, WHOLE, AAD)
    raises(InvalidTag, AesCcm(KEY, 8).decrypt, bytes(13), WHOLE, AAD)
    raises(InvalidTag, AesCcm(KEY, 8).decrypt, NONCE, WHOLE, AAD + b"\0")
    raises(InvalidTag, AesCcm(KEY, 8).decrypt, NONCE, WHOLE, None)
    raises(InvalidTag, AesCcm(KEY, 10).decrypt, NONCE, WHOLE, AAD)


def test_wrong_parameters_are_refused():
    for key in (b"", bytes(15), bytes(17), bytes(33)):
        raises(ValueError, AesCcm, key)
    for tag in (0, 2, 3, 5, 15, 17, 18):
        raises(ValueError, AesCcm, KEY, tag)
    for size in (0, 6, 14, 16):
        raises(ValueError, AesCcm(KEY).encrypt, bytes(size), b"", None)
        raises(ValueError, AesCcm(KEY).decrypt, bytes(size), bytes(16), None)


def test_data_that_the_counter_cannot_count_is_refused():
    raises(ValueError, AesCcm(KEY).encrypt, NONCE, bytes(65536), None)


def test_xor_is_xor():
    a, b = bytes(i & 0xFF for i in range(300)), bytes(i * 5 & 0xFF for i in range(300))
    assert aead._xor(a, b) == bytes(x ^ y for x, y in zip(a, b))  # noqa: B905 - MicroPython's zip has no `strict`


def _no_memory(*_):
    raise MemoryError


def _starve(name, call, *words):
    """Check that `call` raises MemoryError where the builtin `name` does, as mote.aead sees it."""
    setattr(aead, name, _no_memory)
    try:
        raises(MemoryError, call, *words)
    finally:
        delattr(aead, name)


def test_memory_that_runs_out_while_a_message_is_planned_repeats_no_key_stream():
    other = bytes(13)
    for name in ("bytearray", "memoryview"):
        for size in (0, 16, 20, 100, 120):
            cipher = AesCcm(KEY)
            cipher.encrypt(other, bytes(90), AAD)
            _starve(name, cipher.encrypt, NONCE, bytes(size), bytes(40))
            assert cipher.encrypt(NONCE, bytes(90), AAD) == AesCcm(KEY).encrypt(NONCE, bytes(90), AAD)


def test_forgery_is_refused_after_memory_ran_out():
    for name in ("bytearray", "memoryview"):
        cipher = AesCcm(KEY)
        whole = cipher.encrypt(NONCE, bytes(40), AAD)
        _starve(name, cipher.decrypt, NONCE, bytes(56), bytes(40))
        # The code over the message before is still in the object: it must not be taken for that over this one.
        raises(InvalidTag, cipher.decrypt, NONCE, b"\x01" + whole[1:], AAD)
        assert cipher.decrypt(NONCE, whole, AAD) == bytes(40)
