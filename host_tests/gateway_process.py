"""A gateway in a process of its own, which can be killed: python gateway_process.py PLAN, a pickle of `plan`.

It prints a line for each event: its kind and, of a record, whose it is and its number.
"""

import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from ironmote.brokers import GatewayAccess
from ironmote.gateway import CommandEnded, Gateway, MessageRefused, RecordSeen
from ironmote.gateway.members import Member


class GatewayProcess:
    """`events` grows while it runs."""

    def __init__(
        self,
        folder: Path,
        name: str,
        fleet_id: bytes,
        members: Iterable[Member],
        accesses: Iterable[GatewayAccess],
        store,
    ) -> None:
        self._plan = folder / f"{name}.plan"
        self._plan.write_bytes(pickle.dumps((fleet_id, list(members), list(accesses), store)))
        self._errors = folder / f"{name}.errors"
        self.events: list[list[str]] = []
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._errors.open("ab") as errors:
            command = [sys.executable, __file__, str(self._plan)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first == "ready\n", self._errors.read_text()
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def _read(self, lines) -> None:
        for line in lines:
            self.events.append(line.rstrip("\n").split("\t"))

    def send(self, mote: str, name: str, value: str) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{mote}\t{name}\t{value}\n")
        self.process.stdin.flush()

    def of(self, kind: str) -> list[list[str]]:
        return [each[1:] for each in list(self.events) if each[0] == kind]

    def kill(self) -> None:
        """As the kernel does it, with no last word."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


def _tell(event) -> None:
    words = [type(event).__name__, str(event.mote)]
    if isinstance(event, RecordSeen):
        words.append(str(event.number))
    elif isinstance(event, MessageRefused):
        words += [event.why, str(event.alert)]
    elif isinstance(event, CommandEnded):
        words += [event.name, event.result, str(event.value), str(event.why)]
    print(*words, sep="\t", flush=True)


def main() -> None:
    fleet_id, members, accesses, store = pickle.loads(Path(sys.argv[1]).read_bytes())
    gateway = Gateway(fleet_id, members, accesses, store, _tell)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    gateway.start(60)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            mote, name, value = line.rstrip("\n").split("\t")
            gateway.send(mote, name, value, within_s=60)
    finally:
        gateway.stop()


if __name__ == "__main__":
    main()
