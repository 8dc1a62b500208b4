"""A broker in the foreground: its processes, their logs on standard output, until it is interrupted or one ends."""

import secrets
import time
from typing import IO

from .. import interrupts
from ..errors import BrokerError
from ..plain import plain
from .process import ServerProcess
from .visitor import Door, Visitor
from .written import Written

_LOOK_S = 0.2
_READY_S = 90


def run(written: Written, node: int | None = None) -> int:
    """Start all, or one `node` of a cluster, and show what they say until Ctrl-C.

    Raises BrokerError where one does not start, or ends: of a cluster that runs here, where so many of a zone have
    ended that the others cannot go on.
    """
    processes = written.processes(node)
    spare = (len(written.place.nodes) - 1) // 2 if node is None else 0
    begun = {process: _size(process) for process in processes}
    logs: dict[ServerProcess, IO[bytes]] = {}
    try:
        for process in processes:
            process.start()
            logs[process] = process.log.open("rb")
            logs[process].seek(begun[process])
        if node is None and written.place.nodes:
            _wait_for_cluster(written)
        written.begun()
        name = processes[0].name.partition(" (")[0].partition(",")[0]
        for each in written.places(node):
            print(f"{name} runs: {each.near}:{each.trusted_port} with TLS, :{each.clear_port} for sealed motes; "
                  "Ctrl-C ends it", flush=True)  # fmt: skip
        ended: list[ServerProcess] = []
        while True:
            for process, log in logs.items():
                for line in log:
                    print(plain(line.decode(errors="replace").rstrip()), flush=True)
                if process.trouble is not None and process not in ended:
                    ended.append(process)
                    if sum(_zone(each) == _zone(process) for each in ended) > spare or not _zone(process):
                        raise BrokerError(process.trouble)
                    print(f"{process.trouble}; the other nodes go on", flush=True)
            interrupts.check()
            time.sleep(_LOOK_S)
    finally:
        for log in logs.values():
            log.close()
        for process in reversed(processes):
            process.stop()


def _wait_for_cluster(written: Written) -> None:
    """Return once every node lets somebody in, which takes as long as they need to agree who leads.

    It comes in as the gateway may, under a name of its own, so that no session of the gateway's is taken.
    """
    deadline = time.monotonic() + _READY_S
    for access in written.accesses:
        for host, port in ((access.host, access.port), *access.more):
            door = Door(host, port, access.ca_file, access.transport == "websockets")
            identity = (access.cert_file, access.key_file) if access.cert_file and access.key_file else None
            name = f"ready-{secrets.token_hex(8)}"
            while True:
                with Visitor(door, name, identity, access.username, access.password) as visitor:
                    if visitor.connect():
                        break
                if time.monotonic() > deadline:
                    raise BrokerError(f"{host}:{port} was not ready after {_READY_S} s: its log says why")
                interrupts.check()
                time.sleep(_LOOK_S)


def _zone(process: ServerProcess) -> str:
    """What the servers of one zone have in common; nothing is in the authenticator's name."""
    return process.name.partition(" (")[2]


def _size(process: ServerProcess) -> int:
    return process.log.stat().st_size if process.log.is_file() else 0
