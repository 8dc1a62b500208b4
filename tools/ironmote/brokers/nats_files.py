"""NATS's files, made from the fleet: a configuration for each zone's process, with its users and what they may do."""

import base64
import functools
import hashlib
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bcrypt
from mote import topics

from .. import secret_files
from ..certificates import Authority
from ..errors import BrokerError
from ..fleet import Fleet
from ..leaf_certificates import LeafCertificates
from . import GatewayAccess, Site, identity, nats_cluster, probes, rights, subjects
from .authenticator import Authenticators
from .nats_cluster import Node

TRUSTED_CONFIGURATION, CLEAR_CONFIGURATION = "trusted.conf", "clear.conf"
PID_FILE = "trusted.pid"  # of the process that is to be told of changes

# Room for a sealed record of 4,096 bytes as NATS stores it when it is retained: JSON with the message in base64.
_MAX_PAYLOAD = 16_384
_STORE_MEMORY = 16 * 2**20
_STORE_FILE = 256 * 2**20

# These passwords are 256-bit secrets that nobody can guess, whatever a guess costs. A dearer hash would only let
# a stranger on the clear listener spend the broker's time with wrong passwords.
_BCRYPT_ROUNDS = 4

# Messages that may be on their way to a gateway at once, and after how many seconds one that it did not acknowledge
# comes again. A gateway that dies leaves that many behind, and newer ones pass them until they come again.
_UNACKNOWLEDGED, _AGAIN_S = 64, 2

# How long the server waits for the authenticator, in seconds: longer than that waits for its disk.
_ANSWER_S = 3

_PREFIXES = (topics.OPEN, topics.SEALED)

# The accounts of the clear process: motes and the gateway, the authenticator, and the server's own.
_MOTES, _CALLOUT, _SYSTEM = "MOTES", "CALLOUT", "SYS"


@dataclass(frozen=True)
class Ports:
    """Where both processes listen: motes at `trusted` and `clear`, the gateway at `inlet`, NATS's own at `inner`."""

    trusted: int
    clear: int
    inlet: int
    inner: int


def write(
    fleet: Fleet,
    authority: Authority | LeafCertificates,
    folder: Path,
    ports: Ports,
    site: Site,
    count: int = 1,
    nodes: Sequence[Node] = (),
) -> tuple[list[GatewayAccess], Authenticators]:
    """Write all files to `folder` (created, 0700); say how the gateway comes in, and who is asked about motes.

    `count` is how many authenticators there are. `nodes` are those of a cluster; each has its configurations in a
    folder of its own, listens where it says rather than at `ports`, and the gateway comes in at any. The server of the
    trusted zone takes up its users when it is sent SIGHUP; that of the clear zone is not to be sent it, since it would
    end each session about which it asked: there an authenticator takes up the roster by itself. Raises BrokerError on
    a mote that NATS cannot serve.
    """
    for mote in fleet.sharing_keys():
        raise BrokerError(
            f"{mote.id} speaks {mote.channel}, and NATS has no TLS with pre-shared keys; use Mosquitto for it"
        )
    secret_files.make_folder(folder)
    files = identity.write(authority, folder / "tls", site, bool(nodes))
    password = site.password(identity.GATEWAY_CLEAR)
    in_turn = site.password(identity.GATEWAY_STREAM) if site.stream else None
    # NATS does not bind the client id to the user: whoever knows it can take the session, and with it what is
    # queued for the gateway. So nobody can guess it.
    client_id = f"gateway-{hashlib.sha256(site.password('gateway.client').encode()).hexdigest()[:32]}"
    ends = [(node.host, node.trusted, node.inlet) for node in nodes] or [(site.near, ports.trusted, ports.inlet)]
    home, inlet = [(host, port) for host, port, _ in ends], [(host, port) for host, _, port in ends]
    inner = [(node.host, node.inner) for node in nodes] or [(site.near, ports.inner)]
    accesses = [
        GatewayAccess(
            site.home, "mote", *home[0], "tcp", None, None,
            files.ca, files.gateway_home.cert, files.gateway_home.key, client_id, _AGAIN_S, tuple(home[1:]),
        ),
        GatewayAccess(
            site.clear, "sealed", *inner[0], "stream", identity.GATEWAY_STREAM, in_turn,
            files.ca, files.gateway_clear.cert, files.gateway_clear.key, client_id, more=tuple(inner[1:]),
        )
        if site.stream
        else GatewayAccess(
            site.clear, "sealed", *inlet[0], "websockets", identity.GATEWAY_CLEAR, password,
            files.ca, files.gateway_clear.cert, files.gateway_clear.key, client_id, _AGAIN_S, tuple(inlet[1:]),
        ),
    ]  # fmt: skip
    if _sealing_inside_tls(fleet):
        accesses.append(
            GatewayAccess(
                site.home, "sealed", *home[0], "tcp", None, None, files.ca, files.gateway_clear.cert,
                files.gateway_clear.key, client_id + "-sealed", _AGAIN_S, tuple(home[1:]),
            )
        )  # fmt: skip
    servers = [(node.host, node.inner) for node in nodes] or [(site.near, ports.inner)]
    asked = Authenticators(fleet, folder, files, servers, _MOTES, count, site)
    every = list(_servers(nodes, folder, files, site)) or [_Server(folder, ports, "")]
    _remove_others(folder, [own.folder for own in every])
    for own in every:
        secret_files.make_folder(own.folder)
        subject = functools.partial(identity.subject, authority)
        secret_files.write(own.folder / TRUSTED_CONFIGURATION, _trusted(fleet, own, files, site, subject))
        secret_files.write(own.folder / CLEAR_CONFIGURATION, _clear(fleet, own, password, in_turn, asked, files, site))
    return accesses, asked


@dataclass(frozen=True)
class _Server:
    """One of several, or the only one: where its files are, its ports, what its names end with, and its cluster."""

    folder: Path
    ports: Ports
    suffix: str
    trusted: str = ""
    clear: str = ""


def _servers(nodes: Sequence[Node], folder: Path, files: identity.Identities, site: Site) -> Iterator[_Server]:
    for number, node in enumerate(nodes, 1):
        zones = (nats_cluster.TRUSTED, nats_cluster.CLEAR)
        joined = [nats_cluster.block(zone, node, nodes, files, site.bind) for zone in zones]
        yield _Server(nats_cluster.folder(folder, number), ports_of(node), f"-{number}", *joined)


def _remove_others(folder: Path, used: Sequence[Path]) -> None:
    """Remove configurations of an earlier writing with more or fewer nodes: nobody may start them with old rights."""
    for path in (folder, *folder.glob("node-*")):
        for name in (TRUSTED_CONFIGURATION, CLEAR_CONFIGURATION):
            if path not in used:
                (path / name).unlink(missing_ok=True)


def ports_of(node: Node) -> Ports:
    """Where the servers of a node listen, but for the other nodes."""
    return Ports(node.trusted, node.clear, node.inlet, node.inner)


def _sealing_inside_tls(fleet: Fleet) -> bool:
    return any(mote.seals for mote in fleet.encrypting())


def _trusted(fleet: Fleet, own: _Server, files: identity.Identities, site: Site, subject: Callable[[str], str]) -> str:
    gateways = [_user(subject(identity.GATEWAY_HOME), None, rights.of_gateway(fleet, "mote"), "MQTT")]
    if _sealing_inside_tls(fleet):
        gateways.append(_user(subject(identity.GATEWAY_CLEAR), None, rights.of_gateway(fleet, "sealed"), "MQTT"))
    users = [
        *gateways,
        *(_user(subject(mote.id), None, rights.of_mote(mote), "MQTT") for mote in fleet.encrypting()),
        *(_user(subject(name), None, rights.of_user(role), "MQTT") for name, role in fleet.users.items()),
    ]
    return f"""\
# The trusted zone: motes that can do TLS, and the gateway. Written by ironmote from the fleet; changes are lost.
{_common(nats_cluster.TRUSTED, own, own.trusted, site)}
# MQTT with TLS on both sides: a client without a certificate of the fleet's authority does not get in, and its
# certificate's subject is its user name, whatever its CONNECT says. NATS reads no list of revoked certificates: the
# subject of who was revoked, and came back, is another one than before.
mqtt {{
  host: {_text(site.bind)}
  port: {own.ports.trusted}
  max_ack_pending: {_UNACKNOWLEDGED}
  ack_wait: "{_AGAIN_S}s"
{_replicas(own)}{_tls(files, "verify_and_map: true")}
}}

# What each user may do. All else is refused. There are no passwords here: "MQTT" alone keeps these names from
# being used on NATS's own port, which asks for no certificate.
{_authorization(users)}"""


def _clear(
    fleet: Fleet,
    own: _Server,
    password: str,
    in_turn: str | None,
    asked: Authenticators,
    files: identity.Identities,
    site: Site,
) -> str:
    gateway = _user(identity.GATEWAY_CLEAR, password, rights.of_gateway(fleet, "sealed"), "MQTT_WS")
    known = [identity.GATEWAY_CLEAR, asked.user, asked.system_user]
    if in_turn is not None:
        gateway += _gateway_in_turn(fleet, in_turn)
        known.append(identity.GATEWAY_STREAM)
    if site.observer is not None:
        # What is the owner's own is in the trusted zone, and this file stays the same: no reload ends its sessions.
        tried = tuple(
            each
            for each in fleet.users[site.observer].publish
            if each.split("/")[0] in _PREFIXES or each == probes.NOWHERE
        )
        seen = rights.Rights(tried, tried)
        gateway += _user(site.observer, site.password(site.observer), seen, "MQTT_WS")
        known.append(site.observer)
    callout = _service(asked.user, asked.password, '{ publish: {deny: ">"}, subscribe: ["$SYS.REQ.USER.AUTH"] }')
    system = _service(
        asked.system_user,
        asked.system_password,
        '{ publish: ["$SYS.REQ.SERVER.PING.IDZ", "$SYS.REQ.SERVER.*.CONNZ", "$SYS.REQ.SERVER.*.KICK"],'
        ' subscribe: ["_INBOX.>"] }',
    )
    return f"""\
# The clear zone: sealed motes over plain TCP. Written by ironmote from the fleet; changes are lost.
{_common(nats_cluster.CLEAR, own, own.clear, site, own.ports.inner)}
# NATS's own protocol is for the authenticator and gateways that take turns: inside TLS, certificates on both sides.
{_tls(files, "verify: true", "")}
# MQTT in the clear. All that crosses here is sealed end to end; the token only opens the door, once.
mqtt {{
  host: {_text(site.bind)}
  port: {own.ports.clear}
  max_ack_pending: {_UNACKNOWLEDGED}
  ack_wait: "{_AGAIN_S}s"
{_replicas(own)}}}

# The gateway's way in: MQTT over a WebSocket, inside TLS with certificates on both sides.
websocket {{
  host: {_text(site.bind)}
  port: {own.ports.inlet}
{_tls(files, "verify: true")}
}}

# Users that are known here, and by which door they may come. Of passwords there are hashes only.
accounts {{
  {_MOTES}: {{
    jetstream: enabled
    users: [
{gateway}    ]
  }}
  {_CALLOUT}: {{
    users: [
{callout}    ]
  }}
  {_SYSTEM}: {{
    users: [
{system}    ]
  }}
}}
system_account: {_SYSTEM}

# About everybody else the authenticator is asked, each time. Where it does not answer in time nobody is let in.
authorization {{
  timeout: {_ANSWER_S}
  auth_callout {{
    issuer: {_text(asked.issuer)}
    account: {_CALLOUT}
    auth_users: {_list(known)}
  }}
}}
"""


def _common(zone: str, own: _Server, cluster: str, site: Site, inner: int | None = None) -> str:
    unused = """\
# NATS's own protocol is used by nobody here; its port cannot be left out, so it is any free one of this machine
# and no user below may come that way.
"""
    return f"""\
server_name: {zone}{own.suffix}
log_file: {_text(str(own.folder / (zone + ".log")))}

pid_file: {_text(str(own.folder / (zone + ".pid")))}

{unused if inner is None else ""}host: {_text(site.near if inner is None else site.bind)}
port: {-1 if inner is None else inner}

# Nothing that a mote sends is longer. A client that does not read what it is sent is dropped after ten seconds.
max_payload: {_MAX_PAYLOAD}
max_connections: 1024
write_deadline: "10s"

# MQTT sessions, retained messages and messages at QoS 1 that wait for their subscriber.
jetstream {{
  store_dir: {_text(str(own.folder / ("jetstream-" + zone)))}
  max_memory_store: {_STORE_MEMORY}
  max_file_store: {_STORE_FILE}
}}
{cluster and chr(10) + cluster}"""


def _replicas(own: _Server) -> str:
    # Left to itself the server that is first asked makes as many copies as there are nodes at that moment: of two,
    # neither goes on alone.
    return f"  stream_replicas: {nats_cluster.NODES}\n" if own.suffix else ""


def _tls(files: identity.Identities, verify: str, margin: str = "  ") -> str:
    block = f"""\
tls {{
  cert_file: {_text(str(files.broker.cert))}
  key_file: {_text(str(files.broker.key))}
  ca_file: {_text(str(files.ca))}
  {verify}
  timeout: 10
}}"""
    return textwrap.indent(block, margin)


def _authorization(users: Iterable[str]) -> str:
    return "authorization {\n  users: [\n" + "".join(users) + "  ]\n}\n"


def _user(name: str, password: str | None, granted: rights.Rights, door: str) -> str:
    hashed = f"      password: {_text(_hash(password))}\n" if password is not None else ""
    permissions = subjects.of_rights(granted)
    # To NATS an empty list is no limit.
    publish = _list(permissions.publish) if permissions.publish else '{ deny: [">"] }'
    return f"""\
    {{
      user: {_text(name)}
{hashed}      allowed_connection_types: ["{door}"]
      permissions: {{
        publish: {publish}
        subscribe: {_list(permissions.subscribe)}
      }}
    }}
"""


def _gateway_in_turn(fleet: Fleet, password: str) -> str:
    """Who takes a turn at the stream, by NATS's own protocol."""
    granted = subjects.of_stream(rights.of_gateway(fleet, "sealed"))
    return f"""\
    {{
      user: {_text(identity.GATEWAY_STREAM)}
      password: {_text(_hash(password))}
      allowed_connection_types: ["STANDARD"]
      permissions: {{
        publish: {_list(granted.publish)}
        subscribe: {_list(granted.subscribe)}
      }}
    }}
"""


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BCRYPT = bytes.maketrans(_BASE64, b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def _hash(password: str) -> str:
    # The same each time, or a reload would take its users for others and end their sessions; each password is a random
    # one of 256 bits, so its salt may be made of it.
    salt = base64.b64encode(hashlib.sha256(f"salt {password}".encode()).digest()[:16])[:22].translate(_TO_BCRYPT)
    return bcrypt.hashpw(password.encode(), b"$2a$%02d$" % _BCRYPT_ROUNDS + salt).decode()


def _service(name: str, password: str, permissions: str) -> str:
    """A user of NATS's own protocol. It may answer what it is asked, and beyond that what `permissions` say."""
    return f"""\
      {{
        user: {_text(name)}
        password: {_text(_hash(password))}
        allowed_connection_types: ["STANDARD"]
        permissions: {permissions[:-2]}, allow_responses: true }}
      }}
"""


def _list(subjects: Iterable[str]) -> str:
    quoted: Sequence[str] = [_text(subject) for subject in subjects]
    return "[" + ", ".join(quoted) + "]"


def _text(value: str) -> str:
    # NATS knows the escapes of JSON but for the one by number: letters beyond ASCII stay as they are.
    return json.dumps(value, ensure_ascii=False)
