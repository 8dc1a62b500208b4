"""Fleets in folders, for tests: made by the library with a passphrase that costs little, used by the command line."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ironmote import cli, encrypted, fleet_folder, interrupts, key_store, rotation
from ironmote.encrypted import Cost
from ironmote.fleet_folder import Folder

PASSPHRASE = "correct horse battery"
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
WAIT_S = 60


def make(root: Path, motes: dict[str, str] | None = None) -> Folder:
    """A fleet in the folder `root`, with `motes` and the boards of each; its passphrase is PASSPHRASE."""
    secrets, files = fleet_folder.first_files("greenhouse", os.urandom(16), "192.168.1.2")
    key = encrypted.new_by_passphrase(key_store.KIND, PASSPHRASE, CHEAP)
    folder = fleet_folder.create(root, key, secrets, files)
    if motes:
        with folder.unlock(passphrase) as held:
            for mote_id, board in motes.items():
                held.add(mote_id, board)
            held.save()
    return folder


def passphrase() -> str:
    """What a person would type."""
    return PASSPHRASE


def live(root: Path) -> None:
    """Have the fleet see everything: certificates, a rotation of cellar, networks, passwords, a channel of kitchen."""
    with Folder.open(root).unlock(passphrase) as held:
        held.secrets.wifi["home"] = "swordfish under the sea"
        held.secrets.passwords["gateway"] = "a password of a service"
        held.credential("kitchen")
        held.certificates.get("broker.home", ["broker.home"], server=True)
        rotation.begin(held.fleet.motes["cellar"])
        held.fleet.motes["kitchen"].channel, held.fleet.motes["kitchen"].why = "tls", "it has room"
        held.save()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    errors: str


def private(path: Path, text: str) -> Path:
    """A file of its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def ironmote(*arguments: object, cwd: Path, typed: str | None = PASSPHRASE, **variables: str) -> Done:
    """Run the command line in `cwd`, without a terminal; `typed` comes by a file descriptor, as the passphrase.

    `variables` are added to the environment. It is this process: hundreds of starts of Python would take minutes.
    """
    words = [*map(str, arguments)]
    with contextlib.ExitStack() as stack:
        if typed is not None:
            read, write = os.pipe()
            stack.callback(os.close, read)
            os.write(write, typed.encode() + b"\n")
            os.close(write)
            words += ["--passphrase-fd", str(read)]
        stack.enter_context(interrupts.restored())
        stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(mock.patch.dict(os.environ, variables))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO()))
        out = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        errors = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        status = cli.main(words)
    return Done(status, out.getvalue(), errors.getvalue())
