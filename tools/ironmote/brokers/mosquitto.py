"""Mosquitto as the fleet's broker: one process, a listener for each kind of connection, each with its own rights."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from ..certificates import Authority
from ..errors import BrokerError, MissingTool
from ..fleet import CLEAR, HOME, Fleet
from . import LOOPBACK, Endpoint, Site, mosquitto_files
from .mosquitto_files import Ports
from .process import ServerProcess, choose_port

_MORE_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def find_mosquitto() -> Path:
    """The mosquitto program. Raises MissingTool when there is none."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *_MORE_PLACES])
    found = shutil.which("mosquitto", path=places)
    if not found:
        raise MissingTool("no Mosquitto found; apt install mosquitto (macOS: brew install mosquitto)")
    return Path(found)


class MosquittoBroker:
    """One Mosquitto: motes with certificates on `trusted`, with pre-shared keys on `psk`, with passwords on `clear`."""

    connect = "static"  # it compares with what is in a file; only a plugin, compiled for its version, could ask

    def __init__(
        self,
        fleet: Fleet,
        authority: Authority,
        folder: Path,
        *,
        trusted_port: int = 0,
        clear_port: int = 0,
        psk_port: int = 0,
    ) -> None:
        """Write the configuration to `folder` (created, 0700). Raises MissingTool, or BrokerError on a taken port."""
        program = find_mosquitto()
        self.name = version(program)
        # No door without somebody who may come in by it.
        psk = any(fleet.sharing_keys())
        ports = Ports(choose_port(trusted_port), choose_port(clear_port), choose_port(psk_port) if psk else 0)
        self.trusted = Endpoint(LOOPBACK, ports.trusted)
        self.clear = Endpoint(LOOPBACK, ports.clear)
        self.psk = Endpoint(LOOPBACK, ports.psk) if psk else None
        self.gateway = mosquitto_files.write(fleet, authority, folder, ports, Site())
        self._process = process(f"{self.name} (zones {HOME} and {CLEAR})", program, folder, ports)

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.alive

    @property
    def trouble(self) -> str | None:
        """How it ended; None while it runs."""
        return self._process.trouble

    def start(self) -> None:
        """Start it; BrokerError when it does not come up."""
        self._process.start()

    def stop(self) -> None:
        """End it."""
        self._process.stop()


def version(program: Path) -> str:
    """Product and version. Raises BrokerError, MissingTool where it is too old."""
    # `mosquitto -h` ends with status 3 and says its version first; there is no option that asks for it alone.
    answer = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"version (\d+)([\w.-]*)", answer.stdout + answer.stderr)
    if not found:
        raise BrokerError(f"{program} is not a Mosquitto that runs here")
    if int(found[1]) < 2:
        raise MissingTool(f"Mosquitto {found[1]}{found[2]} is too old; 2.0 or newer is needed")
    return f"Mosquitto {found[1]}{found[2]}"


def process(name: str, program: Path, folder: Path, ports: Ports, host: str = LOOPBACK) -> ServerProcess:
    """The Mosquitto whose files are in `folder`."""
    return ServerProcess(
        name,
        [str(program), "-c", str(folder / mosquitto_files.CONFIGURATION)],
        folder / "mosquitto.log",
        [port for port in (ports.trusted, ports.clear, ports.psk, ports.websockets) if port],
        host=host,
    )
