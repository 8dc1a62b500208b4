"""The fleet's certificates over their life: issued once, renewed, revoked, and what a TLS server makes of it."""

import datetime
import ssl
import threading
from pathlib import Path

import fleets
import pytest
from cryptography import x509
from ironmote import certificates
from ironmote.certificates import Authority, CertificateError, Credential
from ironmote.fleet_folder import Folder
from ironmote.leaf_certificates import LeafCertificates
from ironmote.open_folder import OpenFolder

DAY_S = 86_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fleets.make(tmp_path / "greenhouse", {"kitchen": "esp32", "attic": "esp32"}).paths.root


@pytest.fixture
def held(root: Path):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        yield held


def again(held: OpenFolder) -> LeafCertificates:
    """The certificates as the next command finds them."""
    return LeafCertificates(held.folder.paths, held.secrets)


def test_certificate_is_issued_once_and_kept(held: OpenFolder):
    first = held.credential("kitchen")
    assert held.credential("kitchen") == first
    held.save()
    assert again(held).get("kitchen") == first
    entry = held.folder.entry("kitchen")
    assert (entry.serial, entry.expires) == (f"{first.serial:x}", first.expires)
    assert abs(first.expires - datetime.datetime.now().timestamp() - certificates.LEAF_DAYS * DAY_S) < 2 * DAY_S


def test_certificate_that_ends_soon_is_renewed_and_the_old_one_is_not_revoked(held, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "LEAF_DAYS", certificates.RENEW_DAYS)  # ends a day too soon
        old = held.credential("kitchen")
        held.save()
    assert old.worn
    new = held.credential("kitchen")
    assert (new.serial != old.serial, new.worn) == (True, False)
    held.save()
    assert held.folder.certificate("kitchen") == new.cert_pem
    assert held.secrets.revoked == {}


def test_server_whose_names_change_gets_another_certificate(held: OpenFolder):
    first = held.certificates.get("broker.home", ["broker.home"], server=True, ip_addresses=["192.168.1.2"])
    assert first.names == {"broker.home", "192.168.1.2"}
    same = held.certificates.get("broker.home", ["broker.home"], server=True, ip_addresses=["192.168.1.2"])
    other = held.certificates.get("broker.home", ["broker.home"], server=True, ip_addresses=["192.168.1.3"])
    assert same == first
    assert other.names == {"broker.home", "192.168.1.3"}


def test_certificate_whose_key_was_not_written_is_issued_anew(held: OpenFolder):
    """A power cut between the key store and the certificate, either way."""
    first = held.credential("kitchen")
    held.save()
    held.secrets.leaves["kitchen"] = held.certificates.authority.issue("kitchen").key_der
    assert again(held).get("kitchen") != first
    held.secrets.leaves["kitchen"] = b"damaged"
    assert again(held).get("kitchen") != first


def test_no_leaf_outlives_its_authority(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(certificates, "AUTHORITY_DAYS", 100)
    authority = Authority.create()
    assert authority.issue("kitchen").expires == authority.expires


def test_authority_that_is_loaded_signs_as_before_and_only_with_its_own_key(held: OpenFolder):
    authority = Authority.load(held.authority.ca_pem, held.secrets.authority)
    certificate = x509.load_der_x509_certificate(authority.issue("kitchen").cert_der)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(held.authority.ca_pem))
    for key in (Authority.create().key_der, b"x", held.secrets.authority[:-1]):
        with pytest.raises(CertificateError):
            Authority.load(held.authority.ca_pem, key)


def test_list_of_what_is_revoked_is_signed_and_counts_up(held: OpenFolder):
    path, ca = held.folder.paths.revoked, x509.load_pem_x509_certificate(held.authority.ca_pem)
    first = held.credential("kitchen")
    held.save()
    before = path.read_bytes()
    held.save()
    assert path.read_bytes() == before, "nothing to say, nothing written"
    assert held.certificates.revoke("kitchen")
    assert not held.certificates.revoke("attic"), "it has none"
    held.save()
    found = x509.load_pem_x509_crl(path.read_bytes())
    assert found.is_signature_valid(ca.public_key())
    assert [each.serial_number for each in found] == [first.serial]
    assert certificates.list_of(path.read_bytes()) == (2, 1)
    assert found.next_update_utc == ca.not_valid_after_utc
    assert held.credential("kitchen").serial != first.serial


def test_certificate_whose_number_is_on_the_list_is_not_given_out_again(held: OpenFolder):
    first = held.credential("kitchen")
    held.secrets.revoked[f"{first.serial:x}"] = 1_800_000_000
    assert held.credential("kitchen").serial != first.serial


@pytest.mark.parametrize("altered", [None, "another's"])
def test_every_certificate_of_a_name_is_revoked_whatever_its_public_file_says(held: OpenFolder, altered, monkeypatch):
    first = held.credential("kitchen")
    with monkeypatch.context() as later:
        later.setattr(certificates, "RENEW_DAYS", 900)
        second = held.credential("kitchen")
    held.save()
    path = held.folder.paths.certificate("kitchen")
    path.unlink()
    if altered:
        path.write_bytes(Authority.create().issue("kitchen").cert_pem)
    held.revoke("kitchen")
    held.save()
    found = x509.load_pem_x509_crl(held.folder.paths.revoked.read_bytes())
    assert {each.serial_number for each in found} == {first.serial, second.serial}


def test_key_store_that_was_put_back_revokes_what_its_later_list_did(root: Path):
    store = root / "keys" / "store"
    with Folder.open(root).unlock(fleets.passphrase) as held:
        stolen, before = held.credential("kitchen"), held.certificates.subject("kitchen")
        held.save()
    old = store.read_bytes()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.certificates.revoke("kitchen")
        held.save()
    store.write_bytes(old)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.save()
        assert held.credential("kitchen").serial != stolen.serial
        assert held.certificates.subject("kitchen") != before
        found = x509.load_pem_x509_crl(held.folder.paths.revoked.read_bytes())
        assert [each.serial_number for each in found] == [stolen.serial]


@pytest.mark.parametrize("left", [None, "old", b"", b"damaged", "another's", "of others"])
def test_list_that_is_lost_damaged_or_put_back_is_made_again(held: OpenFolder, left):
    path = held.folder.paths.revoked
    old = path.read_bytes()
    held.credential("kitchen")
    held.save()
    held.certificates.revoke("kitchen")
    held.save()
    if left is None:
        path.unlink()
    else:
        stranger, serials = Authority.create(), {int(each, 16): 1 for each in held.secrets.revoked}
        lies = {
            "old": old,
            "another's": stranger.revocation_list(serials, 2),
            "of others": held.authority.revocation_list({1: 1}, 2),
        }
        path.write_bytes(left if isinstance(left, bytes) else lies[left])
    held.save()
    assert certificates.list_of(path.read_bytes()) == (3, 1)


def test_authority_that_is_missing_is_one_line(root: Path):
    (root / "public" / "ca.pem").unlink()
    missing = pytest.raises(CertificateError, match="is missing; take it from a copy")
    with missing, Folder.open(root).unlock(fleets.passphrase):
        pass


def shakes_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    """True where a client and a server, over memory, both finish."""
    import socket

    one, two = socket.socketpair()
    told: list[bool] = []

    def serve() -> None:
        try:
            with server.wrap_socket(one, server_side=True) as link:
                link.sendall(b"in")
                told.append(True)
        except OSError:
            told.append(False)
        one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(two, server_hostname="broker.home") as link:
            told.append(link.recv(2) == b"in")
    except OSError:
        told.append(False)
    two.close()
    thread.join()
    return all(told)


def test_tls_server_with_the_list_refuses_who_was_revoked_and_lets_in_others(held: OpenFolder, tmp_path: Path):
    broker = held.certificates.get("broker.home", ["broker.home"], server=True)
    motes = {name: held.credential(name) for name in ("kitchen", "attic")}
    held.certificates.revoke("kitchen")
    held.save()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*_files(tmp_path, "broker", broker))
    server.load_verify_locations(held.folder.paths.authority)
    server.load_verify_locations(held.folder.paths.revoked)
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    for name, expected in (("kitchen", False), ("attic", True)):
        client = ssl.create_default_context(cafile=str(held.folder.paths.authority))
        client.load_cert_chain(*_files(tmp_path, name, motes[name]))
        assert shakes_hands(server, client) is expected, name


def _files(folder: Path, name: str, credential: Credential) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(credential.cert_pem)
    key.write_bytes(credential.key_pem)
    return cert, key
