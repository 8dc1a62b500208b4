"""A simulated board for one of the fleet's motes: kept from one start to the next, in one process at a time.

It holds what a real one would: root key and passphrases in the clear. So its folder is its owner's alone (0700), and
git leaves it out wherever it is.

A life is on one board: two would count the same boots, and the gateway would hear a clone. A mote that lives on another
board stays there, unless it is to begin a new life here, under a new root key.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mote import settings as device_settings

from . import board_folder, commission, device, fleet_provision, mote_content, secret_files
from .board_folder import BoardFolder
from .errors import BoardError
from .fleet_provision import Provisioned
from .open_folder import OpenFolder
from .process_lock import ProcessLock
from .serial_board import SerialBoard


class FleetBoard:
    """The simulated board of the mote `mote_id` in the folder `path`, which is made; use it with `with`."""

    def __init__(self, held: OpenFolder, mote_id: str, path: Path, on_line: Callable[[str], None]) -> None:
        """`on_line` gets what the mote prints, from a thread. Raises IronmoteError on a wrong mote."""
        self.path = path
        self._mote_id = mote_id
        self._on_line = on_line
        self._talks = False
        mote = mote_content.find(held, mote_id)
        self._profile, settings, passphrases = mote_content.told(held, mote, int(time.time()))
        names = [settings["wifi"]["ssid"], *(settings["wifi"].get("more") or ())]
        air = [{"ssid": name, "password": each.decode()} for name, each in zip(names, passphrases, strict=True)]
        self._hardware = board_folder.hardware(
            self._profile, mote_id, settings, air, None, {"kind": "room"}, 0, False
        )  # fmt: skip
        self._folder = BoardFolder(path, self._profile)
        self.board = SerialBoard(path, self._profile, self._hear)

    @contextlib.contextmanager
    def plugged(self) -> Iterator[SerialBoard]:
        """Make the board, plug it in and pull it afterwards. Raises BoardError where another process has it."""
        secret_files.make_folder(self.path)
        (self.path / ".gitignore").write_text("*\n")
        try:
            lock = ProcessLock(self.path / "in_use")
        except TimeoutError:
            raise BoardError(f"{self._mote_id} is simulated already, in {self.path}; end that first") from None
        try:
            self._folder.make(device.frozen_modules(self._profile), self._hardware, files_stay=True)
            self.board.plug()
            yield self.board
        finally:
            self.board.pull()
            lock.release()

    def check_life(self, held: OpenFolder) -> None:
        """Raise BoardError where the mote lives on another board."""
        before = commission.settings_in(self._folder.read(device_settings.PATH))
        if mote_content.elsewhere(held, self._mote_id, before):
            raise BoardError(
                f"{self._mote_id} lives on another board, and would be heard twice; with --anew it begins a new life "
                "here, under a new root key, and the other is not heard any more"
            )

    def provision(self, held: OpenFolder, on_phase: Callable[[str], None]) -> Provisioned:
        """Put the mote onto it, as by cable, and start it; from here on `on_line` hears it."""
        done = fleet_provision.provision(held, self._mote_id, self.board.port, on_phase)
        self._talks = True
        return done

    def _hear(self, line: str) -> None:
        if self._talks:  # before, it is the prompt that speaks
            self._on_line(line)
