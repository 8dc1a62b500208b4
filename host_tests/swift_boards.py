"""Simulated boards on which time is not waited for, with a broker inside them: tests/device/swift.py says how."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from channel_motes import ChannelMote, add
from ironmote import boards
from ironmote.certificates import Authority
from ironmote.compiler import compile_file
from ironmote.fleet import Fleet
from ironmote.interpreter import board_command, board_environment

_DEVICE = Path(__file__).parent.parent / "tests" / "device"
_MODULES = ("swift.py", "inner_net.py", "inner_broker.py", "../seeded.py")
_HARNESS_BYTES = 110_000  # of heap, for the broker inside; what the mote has is what its board has


class SwiftBoard:
    """A sealed mote in `folder`, and `program` of tests/device to run it with."""

    def __init__(self, folder: Path, program: str, board: str = "esp8266", **change: object) -> None:
        fleet = Fleet.create()
        mote = add(fleet, "cellar", "sealed", board)
        self.fleet = fleet
        profile = boards.load(board)
        profile = replace(profile, sim_bytes=profile.sim_bytes + _HARNESS_BYTES)
        settings = {
            "keepalive_s": 10,
            "timeout_ms": 2000,
            "sample_ms": 5000,
            "outbox": 16,
            "ntp": "",
            "watchdog_s": 0,  # a timer's thread would have a time of its own
        } | change
        made = ChannelMote(
            fleet, mote, Authority.create(), 1883, folder, profile=profile,
            **settings,
        )  # fmt: skip
        self.board = made.board
        made.put("{}")
        for path in [_DEVICE / name for name in (*_MODULES, f"{program}.py")]:
            code = compile_file(path, path.name, 0, 63)
            (folder / "board" / f"{path.stem}.mpy").write_bytes(code)
        self._program = program
        self.keys = fleet.id, mote.root

    def run(self, *arguments: object, timeout_s: float = 3600) -> Iterator[str]:
        """Run the program's main with `arguments`; yield what it prints, line by line, and its status at the end."""
        # Keys are read from a file: all that MicroPython takes as an argument is 254 bytes.
        (self.board.folder / "board" / "what.py").write_text(f"words = {(*arguments, *self.keys)!r}\n")
        code = f"import {self._program}, what; {self._program}.main(*what.words)"
        command = [*board_command(self.board.profile, self.board.folder), "--code", code]
        process = subprocess.Popen(
            command, env=board_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield line.rstrip()
            yield f"status {process.wait(timeout_s)}"
        finally:
            process.kill()
            process.wait()


def reasons(lines: Iterator[str]) -> tuple[list[str], Counter[str]]:
    """What a program said for itself, and how often the mote's console said what."""
    said: list[str] = []
    counted: Counter[str] = Counter()
    for line in lines:
        head, _, rest = line.partition(" ")
        if head.replace(".", "").isdigit():
            words = "".join(letter for letter in rest if not letter.isdigit())
            counted[words[:60]] += 1
        else:
            said.append(line)
    return said, counted
