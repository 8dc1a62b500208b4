"""The key store: what opens it, what does not, and that nothing which happens while it is written loses it."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import fleets
import pytest
from fleets import CHEAP, PASSPHRASE
from ironmote import encrypted, key_store
from ironmote.encrypted import Cost, EncryptedError
from ironmote.key_store import KeyStore, KeyStoreError, MoteKeys, Secrets
from ironmote.process_lock import ProcessLock

ROOT, NEXT = bytes(range(32)), bytes(range(32, 64))


def some_secrets() -> Secrets:
    return Secrets(
        bytes(16),
        b"authority",
        {"kitchen": MoteKeys(3, ROOT, NEXT), "cellar": MoteKeys(1, NEXT)},
        {"kitchen": b"leaf"},
        {"home": "swordfish"},
        {"gateway": "pw"},
        {"7f": 1_800_000_000},
        4,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    KeyStore.create(path, encrypted.new_by_passphrase(key_store.KIND, PASSPHRASE, CHEAP), some_secrets())
    return path


def never() -> str:
    raise AssertionError("nobody was to be asked")


def opened(path: Path, passphrase: str = PASSPHRASE) -> Secrets:
    return KeyStore.open(path, lambda: passphrase)[1]


def test_what_was_put_in_comes_out(path: Path):
    assert opened(path) == some_secrets()


def test_file_is_its_owners_alone_and_shows_nothing(path: Path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    for secret in (ROOT, ROOT.hex().encode(), b"swordfish", b"kitchen", b"authority"):
        assert secret not in data


def test_two_writings_of_the_same_share_nothing_behind_the_header(path: Path):
    store, secrets = KeyStore.open(path, fleets.passphrase)
    first = path.read_bytes()
    store.save(secrets)
    second = path.read_bytes()
    at = first.index(b"\n") + 1 + 16
    assert first[:at] == second[:at]
    assert not any(first[i : i + 16] == second[i : i + 16] for i in range(at, len(first) - 16))


def test_letters_that_are_typed_in_another_form_are_the_same(tmp_path: Path):
    key = encrypted.new_by_passphrase(key_store.KIND, "Stra\u00dfe im R\u00fccken", CHEAP)
    KeyStore.create(tmp_path / "store", key, some_secrets())
    assert opened(tmp_path / "store", "Stra\u00dfe im Ru\u0308cken") == some_secrets()


@pytest.mark.parametrize("passphrase", ["", "correct horse batterz", PASSPHRASE + " ", "x" * 10_000])
def test_wrong_passphrase_is_one_line(path: Path, passphrase: str):
    with pytest.raises(KeyStoreError, match="does not open: the passphrase is wrong") as caught:
        opened(path, passphrase)
    assert "\n" not in str(caught.value)
    assert not passphrase or passphrase not in str(caught.value)


def test_truncated_file_is_one_line_at_each_length(path: Path):
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(KeyStoreError, match=r"does not open: it (is|was)") as caught:
            opened(path)
        assert "\n" not in str(caught.value)


def test_altered_file_is_one_line_at_each_byte(path: Path):
    data = path.read_bytes()
    before = data.index(b"\n") + 1
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(KeyStoreError, match="does not open: ") as caught:
            opened(path)
        assert "\n" not in str(caught.value)
        if at >= before + 16:  # behind what tells a wrong passphrase
            assert "damaged" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory_kib": 2**31},
        {"memory_kib": 2**20 + 1},
        {"memory_kib": 31, "lanes": 4},
        {"memory_kib": -1},
        {"memory_kib": "64"},
        {"memory_kib": 64.0},
        {"memory_kib": True},
        {"passes": 17},
        {"passes": 0},
        {"lanes": 17},
        {"lanes": 0},
        {"salt": "00"},
        {"kdf": "scrypt"},
        {"kdf": "keyring"},
        {"more": 1},
    ],
)
def test_header_that_asks_for_too_much_is_refused_before_memory_is_taken(path: Path, wrong: dict):
    line, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps(json.loads(line) | wrong).encode() + b"\n" + rest)
    with pytest.raises(KeyStoreError, match="its beginning is damaged"):
        KeyStore.open(path, never)


def test_file_that_is_too_long_is_not_read(path: Path):
    with path.open("ab") as file:
        file.truncate(encrypted.LONGEST + 1)  # a hole
    with pytest.raises(KeyStoreError, match="more than 67108864 bytes"):
        KeyStore.open(path, never)


@pytest.mark.parametrize("line", [b"[" * 100_000, b"null", b"1", b"{}", b'{"ironmote": "fleet", "v": 1}', b"\xff", b""])
def test_other_files_are_no_key_store(tmp_path: Path, line: bytes):
    path = tmp_path / "store"
    path.write_bytes(line + b"\n" + bytes(100))
    with pytest.raises(KeyStoreError, match="no file of keys"):
        opened(path)


def test_file_of_a_later_version_says_so(path: Path):
    path.write_bytes(path.read_bytes().replace(b'"v": 1', b'"v": 2', 1))
    with pytest.raises(KeyStoreError, match="another version"):
        opened(path)


def test_exported_fleet_is_no_key_store(tmp_path: Path):
    path = tmp_path / "store"
    path.write_bytes(encrypted.new_by_passphrase("fleet", PASSPHRASE, CHEAP).encrypt(some_secrets().to_json()))
    with pytest.raises(KeyStoreError, match="no file of keys"):
        opened(path)


def test_content_of_another_version_is_not_quoted(tmp_path: Path):
    path = tmp_path / "store"
    path.write_bytes(encrypted.new_by_passphrase(key_store.KIND, PASSPHRASE, CHEAP).encrypt(b'{"fleet": "swordfish"}'))
    with pytest.raises(KeyStoreError, match="another version") as caught:
        opened(path)
    assert "swordfish" not in str(caught.value)


def test_cost_of_a_new_one_is_that_of_the_rfc():
    assert Cost() == Cost(memory_kib=64 * 1024, passes=3, lanes=4)  # RFC 9106 sect. 4, the second choice


def test_key_is_not_printed():
    key = encrypted.new_by_passphrase(key_store.KIND, PASSPHRASE, CHEAP)
    printed = repr(key) + repr(some_secrets())
    for secret in (key.master, ROOT, NEXT, b"authority", b"leaf"):
        assert repr(secret)[2:-1] not in printed
    assert "swordfish" not in printed


def test_there_is_no_second_one_in_its_place(path: Path):
    with pytest.raises(KeyStoreError, match="there already"):
        KeyStore.create(path, encrypted.new_by_passphrase(key_store.KIND, PASSPHRASE, CHEAP), some_secrets())
    assert opened(path) == some_secrets()


@pytest.mark.parametrize("fails", ["fsync", "replace", "write"])
def test_writing_that_fails_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch, fails: str):
    store, secrets = KeyStore.open(path, fleets.passphrase)
    secrets.wifi["barn"] = "haystack"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if fails == "fsync":
            patch.setattr(os, "fsync", full)
        elif fails == "replace":
            patch.setattr(Path, "replace", full)
        else:
            patch.setattr(os, "fdopen", full)
        with pytest.raises(OSError, match="No space"):
            store.save(secrets)
    assert opened(path) == some_secrets()
    assert [each.name for each in path.parent.iterdir()] == ["store"]


WRITER = """
import sys
from pathlib import Path
from ironmote.key_store import KeyStore
store, secrets = KeyStore.open(Path(sys.argv[1]), lambda: sys.argv[2])
print("writing", flush=True)
for number in range(10**9):
    secrets.wifi["count"] = str(number) * 5000
    store.save(secrets)
"""


def test_writer_that_is_killed_leaves_a_whole_one(path: Path):
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), PASSPHRASE], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            before = path.stat().st_ino
            while path.stat().st_ino == before:  # it has written at least once
                pass
            writer.send_signal(signal.SIGKILL)
        found = opened(path)
        assert len(set(found.wifi["count"])) <= 10
        found.wifi.pop("count")
        assert found == some_secrets()


HOLDER = """
import sys
from pathlib import Path
from ironmote.process_lock import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_is_one_processes_until_it_ends(tmp_path: Path):
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError):
            ProcessLock(path, 0.2)
        holder.send_signal(signal.SIGKILL)
    ProcessLock(path, fleets.WAIT_S).release()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# The system's keyring: the library's own interface, with a backend of ours that keeps entries in a file.


@pytest.fixture
def keyring_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import keyring
    import keyring_in_a_file

    monkeypatch.setattr(keyring_in_a_file.KeyringInAFile, "path", tmp_path / "entries", raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(keyring_in_a_file.KeyringInAFile())
    yield tmp_path / "entries"
    keyring.set_keyring(before)


def test_keyring_opens_it_without_a_passphrase(tmp_path: Path, keyring_file: Path):
    KeyStore.create(tmp_path / "store", key_store.new_in_keyring(), some_secrets())
    assert KeyStore.open(tmp_path / "store", never)[1] == some_secrets()
    assert len(json.loads(keyring_file.read_text())) == 1


def test_entry_that_is_gone_from_the_keyring_is_one_line(tmp_path: Path, keyring_file: Path):
    KeyStore.create(tmp_path / "store", key_store.new_in_keyring(), some_secrets())
    for text in ("{}", keyring_file.read_text().replace("=", "")):
        keyring_file.write_text(text)
        with pytest.raises(KeyStoreError, match="has no entry"):
            KeyStore.open(tmp_path / "store", never)


def test_another_entry_of_the_keyring_does_not_open_it(tmp_path: Path, keyring_file: Path):
    KeyStore.create(tmp_path / "store", key_store.new_in_keyring(), some_secrets())
    mine = json.loads(keyring_file.read_text())
    key_store.new_in_keyring()
    (other,) = json.loads(keyring_file.read_text()).items() - mine.items()
    keyring_file.write_text(json.dumps(dict.fromkeys(mine, other[1])))
    with pytest.raises(KeyStoreError, match="under another key"):
        KeyStore.open(tmp_path / "store", never)


def test_keyring_that_is_none_or_keeps_entries_in_the_clear_is_refused(monkeypatch: pytest.MonkeyPatch):
    import keyring
    from keyring.backends import fail, null
    from keyring_in_a_file import KeyringInAFile

    class PlaintextKeyring(KeyringInAFile):
        pass

    before = keyring.get_keyring()
    try:
        for backend, said in ((fail.Keyring(), "no keyring"), (null.Keyring(), "no"), (PlaintextKeyring(), "clear")):
            keyring.set_keyring(backend)
            with pytest.raises(KeyStoreError, match=said):
                key_store.new_in_keyring()
    finally:
        keyring.set_keyring(before)


def test_errors_of_the_cipher_are_ours():
    assert issubclass(encrypted.WrongKeyError, EncryptedError)
    with pytest.raises(EncryptedError, match="no passphrase opens it"):
        encrypted.open_by_passphrase(encrypted.new_by_key("keys", "x", bytes(32)).header, PASSPHRASE)
