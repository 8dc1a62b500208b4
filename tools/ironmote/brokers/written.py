"""A broker in the fleet's folder: its files written from the fleet, started from them, told of changes.

    written = Written.read(folder)            # what `broker write` has left; no passphrase is needed
    processes = written.processes()           # not started yet

`brokers/<kind>/` has the files and `broker.json`, which says where the broker listens; all of it is in no git.
"""

import ipaddress
import json
import os
import secrets
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import certificates, durable, secret_files
from ..errors import BrokerError, IronmoteError
from ..fleet import CLEAR, Fleet
from ..fleet_file import PUBLIC, TRUSTED, FleetFile, Zone
from ..fleet_folder import Folder
from ..open_folder import OpenFolder
from . import (
    LOOPBACK,
    SERVER_NAME,
    GatewayAccess,
    Site,
    authenticator,
    mosquitto,
    mosquitto_files,
    nats,
    nats_cluster,
    nats_files,
    probes,
)
from .nats_cluster import Node
from .process import ServerProcess

MOSQUITTO, NATS = "mosquitto", "nats"
KINDS = (MOSQUITTO, NATS)
EVERYWHERE = "0.0.0.0"  # noqa: S104 (a broker is there to be reached)
_DEFAULTS = {"bind": EVERYWHERE, "websockets": 0, "inlet": 8443, "inner": 4222, "route": 6222, "stream": False}
_OPTIONS_OF = {"websockets": MOSQUITTO, "inlet": NATS, "inner": NATS, "route": NATS, "stream": NATS}
_FILE = "broker.json"
_ACCESS = "gateway.json"
_AUTHENTICATOR = "authenticator.toml"
_BEGUN = "begun"


@dataclass(frozen=True)
class Place:
    """Where a broker of the folder listens. `psk`, `websockets` are Mosquitto's, `inlet`, `inner` NATS's; 0 is none.

    `nodes` are those of a cluster of NATS servers, `route` the first port where they hear each other.
    """

    kind: str
    bind: str
    home: str
    clear: str
    trusted_port: int
    clear_port: int
    server_name: str
    psk: int = 0
    websockets: int = 0
    inlet: int = 0
    inner: int = 0
    route: int = 0
    stream: bool = False  # gateways take turns
    nodes: tuple[Node, ...] = ()

    @property
    def near(self) -> str:
        """The address under which this machine reaches it."""
        return LOOPBACK if self.bind == EVERYWHERE else self.bind

    @property
    def each(self) -> list["Place"]:
        """The same for each node of a cluster by itself; this one where there is none."""
        return [
            replace(
                self, bind=node.host, trusted_port=node.trusted, clear_port=node.clear, inlet=node.inlet,
                inner=node.inner, nodes=(),
            )
            for node in self.nodes
        ] or [self]  # fmt: skip


class Written:
    """The files of one broker, and the processes that use them."""

    def __init__(self, folder: Path, place: Place) -> None:
        """For `write` and `read`."""
        self.folder = folder
        self.place = place

    @classmethod
    def read(cls, folder: Folder) -> "Written":
        """The broker that was written last. Raises BrokerError where none was."""
        found = [path for kind in KINDS if (path := folder.paths.broker(kind).resolve() / _FILE).is_file()]
        if not found:
            raise BrokerError(
                "no broker was written yet; ironmote broker write mosquitto does it, or ironmote broker write nats"
            )
        path = max(found, key=lambda each: each.stat().st_mtime_ns)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            nodes = tuple(Node(**each) for each in found.pop("nodes", ()))
            return cls(path.parent, Place(**found, nodes=nodes))
        except (ValueError, TypeError, AttributeError) as error:
            raise BrokerError(f"{path} is not as ironmote wrote it; write the broker again") from error

    @property
    def accesses(self) -> list[GatewayAccess]:
        """How a gateway comes in. Raises BrokerError."""
        path = self.folder / _ACCESS
        try:
            return [_access(each) for each in json.loads(path.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BrokerError(f"{path} cannot be read; write the broker again") from error

    def places(self, node: int | None = None) -> list[Place]:
        """Where it listens: at each node of a cluster, or at one `node`, from 1. Raises BrokerError."""
        if node is None:
            return self.place.each
        if node > len(self.place.nodes):
            raise BrokerError(f"there is no node {node}; ironmote broker write nats --nodes 3 makes a cluster")
        return [self.place.each[node - 1]]

    def processes(self, node: int | None = None) -> list[ServerProcess]:
        """All that has to run, in this order; of a cluster one `node`, or all. Raises MissingTool, BrokerError.

        The authenticator is the first node's: its counters are in one place.
        """
        place = self.place
        self.places(node)
        if place.kind == MOSQUITTO:
            program = mosquitto.find_mosquitto()
            name, ports = mosquitto.version(program), _mosquitto_ports(place)
            return [mosquitto.process(name, program, self.folder, ports, place.near)]
        program = nats.find_nats()
        name, zones = nats.version(program), (place.home, place.clear)
        if place.nodes:
            servers = nats.node_processes(name, program, self.folder, place.nodes, zones, node)
        else:
            servers = nats.processes(name, program, self.folder, _nats_ports(place), zones, place.near)
        if node not in (None, 1):
            return servers
        # Only the first start may make the file of counters: without it recorded tokens are good once more.
        new = not (self.folder / _BEGUN).exists()
        return [*servers, authenticator.process("authenticator", self.folder / _AUTHENTICATOR, new)]

    def begun(self) -> None:
        """Remember that all has run once."""
        (self.folder / _BEGUN).touch(0o600)

    def reload(self) -> list[str]:
        """Have what runs take up the files, without ending a session of who may stay; names what was told.

        An authenticator reads its roster by itself.
        """
        if self.place.kind == MOSQUITTO:
            told = {"mosquitto": (mosquitto_files.PID_FILE, mosquitto_files.CONFIGURATION)}
        else:
            # The other process has no user that changes: it asks about each. Told, it would end all their sessions.
            own = [f"{nats_cluster.folder(Path(), number)}/" for number in range(1, len(self.place.nodes) + 1)] or [""]
            told = {
                f"nats ({each.rstrip('/') or 'zone'} {self.place.home})": (
                    each + nats_files.PID_FILE, each + nats_files.TRUSTED_CONFIGURATION,
                )
                for each in own
            }  # fmt: skip
        return [name for name, (pid, using) in told.items() if _signal(self.folder / pid, self.folder / using)]


def _signal(pid_file: Path, configuration: Path) -> bool:
    """Send SIGHUP to the process of that file, if it runs with this configuration: numbers of processes come again."""
    try:
        number = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    said = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(number)],  # noqa: S607 (where it is depends on the system)
        capture_output=True, text=True, check=False, timeout=10,
    )  # fmt: skip
    if str(configuration) not in said.stdout:
        return False
    os.kill(number, signal.SIGHUP)
    return True


def write(held: OpenFolder, kind: str, changes: dict[str, Any]) -> Written:
    """Write a broker's files from the fleet, and save the fleet. Raises IronmoteError.

    `changes` are fields of Place (bind, websockets, inlet, inner, route, stream), and `nodes`, how many of them there
    are. What they leave out stays as it was written before.
    """
    folder = held.folder.paths.broker(kind).resolve()
    home, clear = _zones(held.folder.file)
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    for name in changes:
        if name in _OPTIONS_OF and _OPTIONS_OF[name] != kind:
            raise BrokerError(f"--{name} is not for {kind}; leave it out")
    count = changes.get("nodes", len(kept.get("nodes", ())) or 1)
    chosen = {name: changes.get(name, kept.get(name, default)) for name, default in _DEFAULTS.items()}
    place = Place(
        kind, home=home.name, clear=clear.name, server_name=home.server_name, psk=_psk_port(held, home),
        trusted_port=_port(home), clear_port=_port(clear), **chosen,
    )  # fmt: skip
    _tell_apart(place)
    if count > 1:
        place = replace(place, nodes=_nodes(place, home, clear, count))
    for each in (held.folder.paths.broker(kind).parent, held.folder.paths.gateway):
        secret_files.close_folder(each)
    canary = _canary(held, folder)
    held.save()
    site = Site(
        place.bind, *_names(home, clear), place.home, place.clear,
        held.folder.paths.revoked.read_bytes(), lambda name: password(held, name), probes.OBSERVER, place.stream,
    )  # fmt: skip
    fleet = probes.join(served(held, place), site.password, clear.name)
    if kind == MOSQUITTO:
        accesses = mosquitto_files.write(fleet, held.certificates, folder, _mosquitto_ports(place), site)
    else:
        accesses, _ = nats_files.write(fleet, held.certificates, folder, _nats_ports(place), site, nodes=place.nodes)
    held.save()
    for name, content in canary.items():
        secret_files.write(folder / "tls" / name, content)
    secret_files.write(folder / _ACCESS, json.dumps([_plain(each) for each in accesses], indent=1) + "\n")
    durable.replace(folder / _FILE, json.dumps(asdict(place), indent=1) + "\n")
    held.tell_gateways()
    return Written(folder, place)


def is_there(folder: Folder) -> bool:
    """True where a broker of the folder was written, whatever its files are now."""
    return any((folder.paths.broker(kind) / _FILE).is_file() for kind in KINDS)


def renew(held: OpenFolder) -> str:
    """Have the folder's broker take up what the fleet is now; says what was done, "" where no broker was written.

    Where that fails, it says why: the fleet is saved, and what was done to it stays done.
    """
    if not is_there(held.folder):
        return ""
    try:
        made = write(held, Written.read(held.folder).place.kind, {})
        told = made.reload()
    except (IronmoteError, OSError) as error:
        return f"does not know it: {error}"
    return f"{', '.join(told)}: told" if told else f"{made.folder}: written, and nothing runs with it here"


def password(held: OpenFolder, name: str) -> str:
    """The password of a service of the fleet's brokers, the same each time once the fleet is saved."""
    return held.secrets.passwords.setdefault(f"broker {name}", secrets.token_urlsafe(32))


def _zones(file: FleetFile) -> tuple[Zone, Zone]:
    """The zone with TLS and that without, which one broker serves."""
    found = {zone.trust: zone for zone in reversed(file.zones.values())}
    for trust in (TRUSTED, CLEAR):
        if trust not in found:
            raise BrokerError(f'fleet.toml: no zone has trust = "{trust}"')
    return found[TRUSTED], found[CLEAR]


def served(held: OpenFolder, place: Place) -> Fleet:
    """The fleet without those who live at brokers of others. Raises BrokerError on one that it cannot serve."""
    zones, motes = held.folder.file.zones, {}
    for name, mote in held.fleet.motes.items():
        if mote.channel is None or zones[mote.zone].trust == PUBLIC:
            continue
        if mote.zone not in (place.home, place.clear) and not mote.shares_key:
            raise BrokerError(f"{name} lives in zone {mote.zone}, and one broker has {place.home} and {place.clear}")
        motes[name] = mote
    return replace(held.fleet, motes=motes)


def _psk_port(held: OpenFolder, home: Zone) -> int:
    """Where motes with a pre-shared key connect. Raises BrokerError where that is the door of certificates."""
    for mote in held.fleet.sharing_keys():
        if mote.zone == home.name:
            raise BrokerError(
                f"{mote.id} speaks {mote.channel}, which has no certificate; give it a trusted zone of its own in "
                "fleet.toml, with another port, and name it in its file"
            )
        return _port(held.folder.file.zones[mote.zone])
    return 0


def _port(zone: Zone) -> int:
    if not zone.brokers:
        raise BrokerError(f"fleet.toml: zones.{zone.name}.brokers: name the broker that motes connect to")
    return zone.brokers[0].port


def _tell_apart(place: Place) -> None:
    """Raises BrokerError where two doors of the broker would have one port."""
    doors = {
        f"zones.{place.home} of fleet.toml": place.trusted_port,
        f"zones.{place.clear} of fleet.toml": place.clear_port,
    }
    if place.kind == MOSQUITTO:
        doors |= {"the zone of pre-shared keys": place.psk, "--websockets": place.websockets}
    else:
        doors |= {"--inlet": place.inlet, "--inner": place.inner}
    users: dict[int, str] = {}
    for name, port in doors.items():
        if port and port in users:
            raise BrokerError(f"{users[port]} and {name} have one port, {port}; give one of them another")
        users[port] = name


def _nodes(place: Place, home: Zone, clear: Zone, count: int) -> tuple[Node, ...]:
    """The nodes of a cluster: the brokers that the zones name. Raises BrokerError where that is not what they name."""
    if place.kind != NATS:
        raise BrokerError("Mosquitto has no cluster; ironmote broker write nats --nodes does it")
    for zone in (home, clear):
        if len(zone.brokers) != count:
            raise BrokerError(
                f"fleet.toml: zones.{zone.name}.brokers names {len(zone.brokers)}; a cluster of {count} needs {count}"
            )
    hosts = [each.host for each in home.brokers]
    if hosts != [each.host for each in clear.brokers]:
        raise BrokerError(f"fleet.toml: zones.{home.name} and zones.{clear.name} name the same hosts in the same order")
    places = [(host, a.port, b.port) for host, a, b in zip(hosts, home.brokers, clear.brokers, strict=True)]
    return nats_cluster.of_hosts(places, place.inlet, place.inner, place.route)


def _names(*zones: Zone) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and the addresses that the broker's certificate carries."""
    names, addresses = [zone.server_name for zone in zones], [LOOPBACK]
    for host in (each.host for zone in zones for each in zone.brokers):
        try:
            addresses.append(str(ipaddress.ip_address(host)))
        except ValueError:
            names.append(host)
    return tuple(dict.fromkeys((*names, SERVER_NAME))), tuple(dict.fromkeys(addresses))


def _canary(held: OpenFolder, folder: Path) -> dict[str, bytes]:
    """A certificate that is on the list of revoked ones, with its key: who shows it must not get in."""
    paths = {name: folder / "tls" / name for name in (f"{probes.REVOKED}.pem", f"{probes.REVOKED}.key")}
    try:
        found = {name: path.read_bytes() for name, path in paths.items()}
        if certificates.serial_of(found[f"{probes.REVOKED}.pem"]) in held.secrets.revoked:
            return found
    except OSError:
        pass
    made = held.authority.issue(probes.REVOKED)
    held.secrets.revoked[f"{made.serial:x}"] = int(time.time())
    return {f"{probes.REVOKED}.pem": made.cert_pem, f"{probes.REVOKED}.key": made.key_pem}


def _mosquitto_ports(place: Place) -> mosquitto_files.Ports:
    return mosquitto_files.Ports(place.trusted_port, place.clear_port, place.psk, place.websockets)


def _nats_ports(place: Place) -> nats_files.Ports:
    return nats_files.Ports(place.trusted_port, place.clear_port, place.inlet, place.inner)


_PATHS = ("ca_file", "cert_file", "key_file")


def _plain(access: GatewayAccess) -> dict[str, Any]:
    return {name: str(value) if name in _PATHS else value for name, value in asdict(access).items()}


def _access(found: dict[str, Any]) -> GatewayAccess:
    fields: dict[str, Any] = {name: Path(value) if name in _PATHS else value for name, value in found.items()}
    more = tuple((str(host), int(port)) for host, port in fields.pop("more", ()))
    return GatewayAccess(**fields, more=more)
