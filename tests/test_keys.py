"""The key schedule against printed examples."""

from binascii import unhexlify

from harness import raises
from mote import keys


def test_hmac_of_rfc_4231():
    # Cases 1, 2 and 6: a short key, a shorter one, and one longer than a block.
    for key, message, mac in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ):
        assert keys.hmac_sha256(key, message) == unhexlify(mac)


def test_hkdf_of_rfc_5869_a_1_and_a_3():
    okm = keys.hkdf(bytes(range(13)), b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42)
    assert okm == unhexlify("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    okm = keys.hkdf(b"", b"\x0b" * 22, b"", 42)
    assert okm == unhexlify("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")


def test_expand_has_its_limit():
    assert len(keys.hkdf_expand(bytes(32), b"", 8160)) == 8160
    raises(ValueError, keys.hkdf_expand, bytes(32), b"", 8161)
    raises(ValueError, keys.hkdf_expand, bytes(32), b"", -1)


def test_equal_sees_every_difference():
    whole = bytes(range(16))
    assert keys.equal(whole, bytearray(whole))
    assert keys.equal(b"", b"")
    assert not keys.equal(whole, whole[:15])
    for i in range(128):
        changed = bytearray(whole)
        changed[i // 8] ^= 1 << i % 8
        assert not keys.equal(whole, changed)


def test_labels_give_different_keys():
    made = {keys.subkey(bytes(32), b"fleet-id", label) for label in (keys.SEAL, keys.CONNECT, keys.PSK, keys.UPDATE)}
    assert len(made) == 4
    assert keys.hkdf(b"fleet-id", bytes(32), b"ironmote 1 seal", 32) in made


def test_connect_counter_joins_boot_and_connection():
    assert keys.connect_counter(7, 2) == 30064771074
    assert keys.connect_counter(0xFFFFFFFF, 0xFFFFFFFF) == 2**64 - 1


def test_connect_password_is_url_safe_and_bound_to_each_part():
    made = [
        keys.connect_password(bytes(32), *words)
        for words in (("kitchen", "clear", 1), ("kitchen", "clear", 2), ("kitchen", "home", 1), ("cellar", "clear", 1))
    ]
    made.append(keys.connect_password(b"\1" * 32, "kitchen", "clear", 1))
    assert len(set(made)) == 5
    for password in made:
        version, counter, mac = password.split(".")
        assert version == "1" and counter in "12" and len(mac) == 43
        assert not any(c in mac for c in "+/=\n")


def test_static_password_has_counter_zero():
    assert keys.connect_password(bytes(32), "kitchen", "clear", 0).startswith("1.0.")
