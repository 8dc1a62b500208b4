"""A fleet's folder: no secret outside of keys/, none handed to another process, and each file for whom it is meant."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import fleets
import pytest
from fleets import private
from ironmote.fleet_folder import Folder
from ironmote.open_folder import OpenFolder
from mote import keys


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fleets.make(tmp_path / "greenhouse", {"kitchen": "esp32", "cellar": "esp8266"}).paths.root


def held_secrets(held: OpenFolder) -> list[bytes]:
    """Every secret of a fleet, and the keys that are made of them."""
    found = [held.secrets.authority, *held.secrets.leaves.values()]
    found += [text.encode() for text in (*held.secrets.wifi.values(), *held.secrets.passwords.values())]
    for mote in held.fleet.motes.values():
        for root in filter(None, (mote.root, mote.successor)):
            labels = (keys.SEAL, keys.CONNECT, keys.PSK, keys.UPDATE)
            found += [root, *(keys.subkey(root, held.fleet.id, label) for label in labels)]
    return found


def forms(secret: bytes) -> set[bytes]:
    """How a secret could stand in a file: as it is, in hex, in base64 from any byte of it on."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for skip in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(bytes(skip) + secret).rstrip(b"=")[4 if skip else 0 : -1])
    # The start of it, too: a key in PEM has line breaks.
    return found | {each[:24] for each in found if len(each) >= 48 and not secret.startswith(b"\x30")}


def private_numbers(held: OpenFolder) -> list[bytes]:
    """The 32 bytes that are the secret of each private key."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    every = (held.secrets.authority, *held.secrets.leaves.values())
    return [load_der_private_key(key, None).private_numbers().private_value.to_bytes(32, "big") for key in every]


def secrets_of(root: Path) -> list[bytes]:
    """All secrets of the fleet in `root`, once it has seen everything."""
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        return held_secrets(held) + private_numbers(held)


def test_no_secret_is_outside_of_keys_and_none_in_it_in_the_clear(root: Path):
    secrets = secrets_of(root)
    assert len(secrets) > 20
    needles = set().union(*map(forms, secrets))
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) >= 10
    for path in files:
        data = path.read_bytes()
        assert not any(needle in data for needle in needles), path
    # The search finds what it seeks.
    (root / "motes" / "x.toml").write_text(f'# {secrets[-1].hex()}\nboard = "esp32"\n')
    assert any(needle in (root / "motes" / "x.toml").read_bytes() for needle in needles)


def test_files_are_for_whom_they_are_meant(root: Path):
    fleets.live(root)
    for path in root.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if "keys" in path.relative_to(root).parts:
            assert mode == (0o700 if path.is_dir() else 0o600), path
        else:
            assert mode & 0o022 == 0, path
    ignored = subprocess.run(["git", "init", "-q", str(root)], check=False).returncode
    if ignored == 0:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-o", "--exclude-standard"], capture_output=True, text=True, check=True
        ).stdout.split()
        assert "fleet.toml" in listed
        assert "registry/kitchen.json" in listed
        assert not [each for each in listed if each.startswith(("keys/", "brokers/"))]


WATCHED = """
import json, sys
seen = []
def hook(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn", "socket.connect", "os.fork"):
        seen.append(repr((event, arguments)))
sys.addaudithook(hook)
from ironmote.cli import main
status = main(sys.argv[1:])
print(json.dumps(seen), file=sys.stderr)
sys.exit(status)
"""


def test_verbs_start_no_process_that_could_be_told_a_secret(tmp_path: Path, root: Path):
    secret = private(tmp_path / "secret", fleets.PASSPHRASE)
    wifi = private(tmp_path / "wifi", "swordfish under the sea")
    environment = os.environ | {"IRONMOTE_PASSPHRASE_FILE": str(secret)}
    for words in (
        ("init", "g"),
        ("wifi", "home", "--wifi-passphrase-file", wifi, "--fleet", root),
    ):
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, *map(str, words)],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == "[]\n"
        assert fleets.PASSPHRASE not in done.stdout
        assert "swordfish" not in done.stdout
