"""A broker in the foreground: its processes, their logs on standard output, until it is interrupted or one ends."""

import time
from typing import IO

from .. import interrupts
from ..errors import BrokerError
from ..plain import plain
from .process import ServerProcess
from .written import Written

_LOOK_S = 0.2


def run(written: Written) -> int:
    """Start all, and show what they say until Ctrl-C. Raises BrokerError where one does not start, or ends."""
    processes = written.processes()
    begun = {process: _size(process) for process in processes}
    logs: dict[ServerProcess, IO[bytes]] = {}
    try:
        for process in processes:
            process.start()
            logs[process] = process.log.open("rb")
            logs[process].seek(begun[process])
        written.begun()
        place = written.place
        print(f"{processes[0].name.partition(' (')[0]} runs: {place.near}:{place.trusted_port} with TLS, "
              f":{place.clear_port} for sealed motes; Ctrl-C ends it", flush=True)  # fmt: skip
        while True:
            for process, log in logs.items():
                for line in log:
                    print(plain(line.decode(errors="replace").rstrip()), flush=True)
                if process.trouble is not None:
                    raise BrokerError(process.trouble)
            interrupts.check()
            time.sleep(_LOOK_S)
    finally:
        for log in logs.values():
            log.close()
        for process in reversed(processes):
            process.stop()


def _size(process: ServerProcess) -> int:
    return process.log.stat().st_size if process.log.is_file() else 0
