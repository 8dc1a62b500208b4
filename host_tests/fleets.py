"""Fleets in folders, for tests: made by the library with a passphrase that costs little, used by the command line."""

import contextlib
import fcntl
import io
import os
import pty
import select
import subprocess
import sys
import termios
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


class Terminal:
    """The command line as a process of its own at a terminal of ours; `seen` is all that it has shown."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.seen = b""
        self._screen, far = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ironmote", *arguments], cwd=cwd, stdin=far, stdout=far, stderr=far,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), start_new_session=True,
        )  # fmt: skip
        os.close(far)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)

    def until(self, words: bytes) -> None:
        """Wait until it has shown `words`."""
        while words not in self.seen:
            assert self._reads(), self.seen

    def types(self, text: bytes) -> None:
        os.write(self._screen, text)

    def ends(self) -> int:
        """Its status, once it has ended."""
        while self._reads():
            pass
        return self._process.wait(WAIT_S)

    def _reads(self) -> bool:
        """Read more of what it shows; False where it has ended."""
        ready, _, _ = select.select([self._screen], [], [], WAIT_S)
        assert ready, self.seen
        try:
            more = os.read(self._screen, 4096)
        except OSError:  # Linux says EIO where others say that it is the end
            return False
        self.seen += more
        return bool(more)
