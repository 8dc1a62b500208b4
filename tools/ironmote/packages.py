"""MicroPython packages from the package index, pinned by SHA-256 in firmware/packages.toml and kept in the cache.

Once a package is in the cache it is used from there, and no network is needed.
"""

import ast
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from unearth import PackageFinder
from unearth.errors import UnpackError

from . import tree
from .errors import IronmoteError

# It warns of a link in an archive that it rightly does not follow; what goes wrong is raised.
logging.getLogger("unearth").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Pin:
    """One package: its project and version on the index, the SHA-256 of its archive, the modules we take of it."""

    project: str
    version: str
    sha256: str
    modules: tuple[str, ...]


def cache_folder() -> Path:
    """Where ironmote keeps what it can make or fetch again. Whoever makes a file in it does so `keeping` it."""
    return platformdirs.user_cache_path("ironmote")


@contextlib.contextmanager
def keeping(folder: Path) -> Iterator[Path]:
    """Make `folder`, which is in the cache, and give an empty one beside what it holds, removed afterwards.

    What goes wrong on the disk is an IronmoteError that says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise IronmoteError(
            f"the cache cannot be written ({error.strerror}: {error.filename or folder}); "
            "set XDG_CACHE_HOME to a folder that can"
        ) from error


def pins() -> dict[str, Pin]:
    """All pinned packages, by the names that board profiles use."""
    with (tree.find().firmware / "packages.toml").open("rb") as file:
        return {
            name: Pin(entry["project"], entry["version"], entry["sha256"], tuple(entry["modules"]))
            for name, entry in tomllib.load(file).items()
        }


def fetch(name: str) -> Path:
    """The folder that holds the package's modules, from the cache or, checked, from the index.

    Raises IronmoteError when it is not in the cache and cannot be had, or is not what was pinned.
    """
    pin = pins()[name]
    kept = cache_folder() / "packages" / f"{pin.project}-{pin.version}-{pin.sha256[:16]}"
    if all((kept / module).is_file() for module in pin.modules):
        return kept
    with keeping(kept.parent) as scratch:
        unpacked = _download(pin, scratch)
        chosen = scratch / "chosen"
        for module in pin.modules:
            (chosen / module).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(unpacked / module, chosen / module)
        try:
            chosen.rename(kept)
        except OSError:  # another process was faster, or left a part of it
            shutil.copytree(chosen, kept, dirs_exist_ok=True)
    return kept


def _download(pin: Pin, folder: Path) -> Path:
    where = f"{pin.project} {pin.version}"
    hashes = {"sha256": [pin.sha256]}
    indexes, find_links = _sources()
    finder = PackageFinder(index_urls=indexes, find_links=find_links)
    try:
        found = next(iter(finder.find_matches(f"{pin.project}=={pin.version}", hashes=hashes)), None)
        if found is None:
            raise IronmoteError(
                f"{where} is not on the package index with the SHA-256 that firmware/packages.toml pins"
            )
        # The archive's hash is checked against the pin before anything of it is unpacked.
        return finder.download_and_unpack(found.link, folder / "archive", folder / "download", hashes=hashes)
    except IronmoteError:
        raise
    except UnpackError as error:
        raise IronmoteError(f"{where} is not what firmware/packages.toml pins; it was not unpacked") from error
    except Exception as error:  # of unearth's HTTP library, which is its own affair
        raise IronmoteError(f"cannot fetch {where}: {type(error).__name__}; it is needed once, then kept") from error


def _sources() -> tuple[list[str], list[str]]:
    """Where this machine's pip looks: index URLs, and places with links. Ours to follow: it may have no other way."""
    settings: dict[str, str] = {}
    try:
        listing = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        for line in listing.splitlines():
            key, _, value = line.partition("=")
            if not key.startswith(":env:"):
                settings.setdefault(key.split(".")[-1], str(ast.literal_eval(value)))
    except (subprocess.SubprocessError, OSError, ValueError, SyntaxError):
        pass
    for key in ("index-url", "extra-index-url", "find-links"):
        from_environment = os.environ.get("PIP_" + key.upper().replace("-", "_"))
        if from_environment:
            settings[key] = from_environment
    # Named by nobody, it is the library's own.
    index = settings.get("index-url") or PackageFinder().sources[0]["url"]
    indexes = [index, *settings.get("extra-index-url", "").split()]
    return indexes, settings.get("find-links", "").split()
