"""The fleet's model and its certificates."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from ironmote.certificates import Authority
from ironmote.errors import IronmoteError
from ironmote.fleet import CLEAR, Fleet


def test_motes_have_keys_of_their_own():
    fleet = Fleet.create()
    kitchen, cellar = fleet.add("kitchen", "esp32"), fleet.add("cellar", "esp8266")
    keys = {kitchen.root, cellar.root, kitchen.seal_key(fleet.id), cellar.seal_key(fleet.id)}
    keys |= {kitchen.connect_key(fleet.id), cellar.connect_key(fleet.id)}
    assert len(keys) == 6
    assert all(len(key) == 32 for key in keys)


def test_keys_are_not_printed():
    fleet, authority = Fleet.create(), Authority.create()
    mote = fleet.add("kitchen", "esp32")
    credential = authority.issue("kitchen")
    printed = repr(fleet) + repr(mote) + repr(credential) + repr(authority)
    assert repr(mote.root) not in printed
    assert repr(credential.key_pem) not in printed
    assert repr(credential.key_der) not in printed


@pytest.mark.parametrize("mote_id", ["", "Kitchen", "a/b", "a+b", "a#", "a.b", "a b", "ü", "x" * 24, "gateway.home"])
def test_bad_id_is_refused(mote_id):
    with pytest.raises(IronmoteError, match="id"):
        Fleet.create().add(mote_id, "esp32")


def test_id_is_taken_once():
    fleet = Fleet.create()
    fleet.add("kitchen", "esp32")
    with pytest.raises(IronmoteError, match="already"):
        fleet.add("kitchen", "esp32")


@pytest.mark.parametrize(
    ("channel", "encrypts", "seals", "prefix"),
    [
        (None, False, False, "mote"),
        ("tls", True, False, "mote"),
        ("tls-psk", True, False, "mote"),
        ("sealed", False, True, "sealed"),
        ("tls+sealed", True, True, "sealed"),
        ("tls-psk+sealed", True, True, "sealed"),
    ],
)
def test_channel_says_how_a_mote_is_protected(channel, encrypts, seals, prefix):
    mote = Fleet.create().add("kitchen", "esp32")
    mote.channel = channel
    assert (mote.encrypts, mote.seals, mote.prefix) == (encrypts, seals, prefix)


def test_static_password_depends_on_mote_zone_and_key():
    fleet = Fleet.create()
    mote = fleet.add("cellar", "esp8266")
    at_home = mote.static_password(fleet.id)
    assert at_home.startswith("1.0.")
    assert at_home == mote.static_password(fleet.id)
    mote.zone = CLEAR
    assert mote.static_password(fleet.id) != at_home
    assert len(at_home) <= 72  # bcrypt takes no more


def test_authority_signs_leaves_only():
    certificate = x509.load_pem_x509_certificate(Authority.create().ca_pem)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert not usage.digital_signature


@pytest.mark.parametrize("server", [True, False])
def test_leaf_is_good_for_one_side(server):
    authority = Authority.create()
    credential = authority.issue("kitchen", ["localhost"] if server else [], server=server)
    certificate = x509.load_der_x509_certificate(credential.cert_der)
    authority_certificate = x509.load_der_x509_certificate(authority.ca_der)
    certificate.verify_directly_issued_by(authority_certificate)
    usages = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "kitchen"
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_device_files_of_a_certificate_are_small():
    authority = Authority.create()
    credential = authority.issue("x" * 23)
    assert len(authority.ca_der) < 512
    assert len(credential.cert_der) < 512
    assert len(credential.key_der) < 160
