"""The wheel: everything that runs without a checkout, and nothing else. Built for real, without a network."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(folder: str) -> set[str]:
    listing = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(listing.split())


def test_every_module_is_in_it(names: set[str]):
    assert {path.removeprefix("tools/") for path in tracked("tools/ironmote")} <= names
    assert {path.removeprefix("lib/") for path in tracked("lib/mote")} <= names
    assert "ironmote/py.typed" in names


def test_what_boards_are_given_is_in_it(names: set[str]):
    assert {"ironmote/_device/boot.py", "ironmote/_device/main.py", "ironmote/_device/lib/ussl.py"} <= names
    assert {f"ironmote/_device/{path}" for path in tracked("firmware")} <= names
    simulated = tracked("tools/board")
    assert {f"ironmote/_device/{path.removeprefix('tools/')}" for path in simulated} <= names


def test_nothing_else_is_in_it(names: set[str]):
    assert {name.split("/")[0].split("-")[0] for name in names} == {"ironmote", "mote"}
    assert not [name for name in names if "test" in name or "cpython" in name or name.endswith((".pyc", ".mpy"))]
