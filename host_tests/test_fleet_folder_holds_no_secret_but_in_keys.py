"""A fleet's folder: no secret outside of keys/, and each file for whom it is meant."""

import stat
import subprocess
from pathlib import Path

import fleets
import pytest
from ironmote.fleet_folder import Folder
from secret_forms import Sought, secrets_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fleets.make(tmp_path / "greenhouse", {"kitchen": "esp32", "cellar": "esp8266"}).paths.root


def test_no_secret_is_outside_of_keys_and_none_in_it_in_the_clear(root: Path):
    fleets.live(root)
    sought = Sought()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        for kind, secret in secrets_of(held):
            sought.add(kind, secret)
    assert len(sought) > 20
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) >= 10
    for path in files:
        assert not sought.kinds_in(path.read_bytes()), path
    # The search finds what it seeks.
    assert sought.kinds_in(f'# {secret.hex()}\nboard = "esp32"\n'.encode()) == {kind}


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
