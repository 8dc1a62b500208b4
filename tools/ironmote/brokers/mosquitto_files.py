"""Mosquitto's files, made from the fleet: configuration, rights, hashed passwords, pre-shared keys."""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from .. import secret_files
from ..certificates import Authority
from ..errors import BrokerError
from ..fleet import Fleet
from ..leaf_certificates import LeafCertificates
from . import GatewayAccess, Site, identity, rights

_MAX_PAYLOAD = 4_096
_MAX_PACKET = 8_192
_SAVED_EVERY_S = 2
_UNACKNOWLEDGED = 256  # as many as a gateway stores at once; what it does not acknowledge comes again first, in order
_MAX_QUEUED = 64 * 2**20
_MAX_CONNECTIONS = 1024
_MAX_KEEPALIVE_S = 3_600  # as long as that of any mote (mote.settings)
_HASH_ROUNDS = 101  # what Mosquitto itself uses; the passwords are 256-bit secrets, which no number of rounds helps
_SALT_BYTES = 12
# The suites of mote.psk, as OpenSSL calls them.
_PSK_CIPHERS = "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256"
PID_FILE = "mosquitto.pid"
CONFIGURATION = "mosquitto.conf"


@dataclass(frozen=True)
class Ports:
    """Where it listens; 0 where there is no such door."""

    trusted: int
    clear: int
    psk: int = 0
    websockets: int = 0


def write(
    fleet: Fleet, authority: Authority | LeafCertificates, folder: Path, ports: Ports, site: Site
) -> list[GatewayAccess]:
    """Write all files to `folder` (created, 0700), and say how the gateway comes in. Raises BrokerError.

    A Mosquitto that runs takes up rights, passwords and the list of revoked certificates when it is sent SIGHUP.
    """
    _check_passwords(fleet)
    secret_files.make_folder(folder)
    secret_files.make_folder(folder / "memory")
    files = identity.write(authority, folder / "tls", site)
    secret_files.write(folder / "trusted.acl", _trusted_acl(fleet))
    secret_files.write(folder / "clear.acl", _clear_acl(fleet))
    secret_files.write(folder / "clear.passwords", _passwords(fleet))
    text = _configuration(ports, files, folder, site)
    if ports.websockets:
        text += _websockets_listener(ports.websockets, files, folder, site)
    if ports.psk:
        secret_files.write(folder / "psk.acl", _psk_acl(fleet))
        secret_files.write(folder / "psk.keys", _psk_keys(fleet))
        text += _psk_listener(ports.psk, folder, site)
    secret_files.write(folder / CONFIGURATION, text)
    return [
        GatewayAccess(
            site.home, "mote", site.near, ports.trusted, "tcp", None, None,
            files.ca, files.gateway_home.cert, files.gateway_home.key, identity.GATEWAY_HOME,
        ),
        GatewayAccess(
            site.clear, "sealed", site.near, ports.trusted, "tcp", None, None,
            files.ca, files.gateway_clear.cert, files.gateway_clear.key, identity.GATEWAY_CLEAR,
        ),
    ]  # fmt: skip


def _check_passwords(fleet: Fleet) -> None:
    for mote in fleet.clear():
        if mote.connect != "static":
            raise BrokerError(
                f"{mote.id} shows a token that counts, and Mosquitto only compares passwords; "
                'set connect = "static" for it, or use NATS'
            )


def _configuration(ports: Ports, files: identity.Identities, folder: Path, site: Site) -> str:
    return f"""\
# One broker for both zones. Written by ironmote from the fleet; changes are lost.

# Users and rights belong to a listener: who may come in by one door has no business at the other.
per_listener_settings true
{_user()}
# Sessions, and what waits for the gateway, outlive this process: killed, it forgets what is younger than this interval.
pid_file {folder / PID_FILE}
persistence true
persistence_location {folder / "memory"}/
autosave_interval {_SAVED_EVERY_S}
sys_interval 0

# What a client may ask the broker to hold for it.
max_packet_size {_MAX_PACKET}
message_size_limit {_MAX_PAYLOAD}
max_inflight_messages {_UNACKNOWLEDGED}
max_keepalive {_MAX_KEEPALIVE_S}
# What waits for the gateway: beyond it a message is dropped although its mote was told that it had arrived.
max_queued_messages 65536
max_queued_bytes {_MAX_QUEUED}

# Standard error, which ironmote keeps in a file. Errors and refusals, not what is published.
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true

# The trusted zone: TLS on both sides. A client without a certificate of the fleet's authority does not get in; its
# certificate's common name is its user name and its client id, whatever its CONNECT says.
listener {ports.trusted} {site.bind}
{_trusted_door(files, folder)}

# The clear zone: sealed motes over plain TCP. All that crosses here is sealed end to end; the password only opens
# the door. The client id is the user name, so that nobody can evict a mote without knowing its password.
listener {ports.clear} {site.bind}
password_file {folder / "clear.passwords"}
use_username_as_clientid true
allow_anonymous false
acl_file {folder / "clear.acl"}
max_connections {_MAX_CONNECTIONS}
max_qos 1
"""


def _trusted_door(files: identity.Identities, folder: Path) -> str:
    revoked = (
        ""
        if files.revoked is None
        else f"# Whose certificate is on this list does not get in.\ncrlfile {files.revoked}\n"
    )
    return f"""\
cafile {files.ca}
certfile {files.broker.cert}
keyfile {files.broker.key}
{revoked}tls_version tlsv1.2
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder / "trusted.acl"}
max_connections {_MAX_CONNECTIONS}
max_qos 1"""


def _websockets_listener(port: int, files: identity.Identities, folder: Path, site: Site) -> str:
    return f"""
# The trusted zone again, for programs that speak MQTT over a WebSocket: the same certificates, the same rights.
listener {port} {site.bind}
protocol websockets
{_websockets_domain(site)}{_trusted_door(files, folder)}
"""


def _websockets_domain(site: Site) -> str:
    """What makes the library for WebSockets heed the address: Mosquitto 2.0 to 2.0.11 listen on every one without it.

    Raises BrokerError on an address of IPv6, at which Mosquitto 2.0 opens no WebSockets at all.
    """
    if site.everywhere:
        return ""
    if ":" in site.bind:
        raise BrokerError(
            f"Mosquitto opens no WebSockets at {site.bind}: leave out --websockets, or bind an address of IPv4"
        )
    return "socket_domain ipv4\n"


def _psk_listener(port: int, folder: Path, site: Site) -> str:
    return f"""
# The trusted zone without certificates: TLS with a key that the mote and this broker have. Who does not have the key
# does not finish the handshake; the identity that goes with it is the user name and the client id.
listener {port} {site.bind}
psk_hint ironmote
psk_file {folder / "psk.keys"}
ciphers {_PSK_CIPHERS}
tls_version tlsv1.2
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder / "psk.acl"}
max_connections {_MAX_CONNECTIONS}
max_qos 1
"""


def _user() -> str:
    """Started by root, Mosquitto becomes another user, who cannot read files that are the owner's alone."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ""
    return "\n# Started by root: the files below are root's alone, and another user could not read them.\nuser root\n"


def _trusted_acl(fleet: Fleet) -> str:
    parts = ["# The trusted listener: each user's topics by name. What is not listed is refused.\n"]
    parts.append(_grants(identity.GATEWAY_HOME, rights.of_gateway(fleet, "mote")))
    parts.append(_grants(identity.GATEWAY_CLEAR, rights.of_gateway(fleet, "sealed")))
    parts += [_grants(mote.id, rights.of_mote(mote)) for mote in fleet.certified()]
    parts += [_grants(name, rights.of_user(role)) for name, role in fleet.users.items()]
    return "\n".join(parts)


def _psk_acl(fleet: Fleet) -> str:
    parts = ["# The listener of pre-shared keys. What is not listed is refused.\n"]
    parts += [_grants(mote.id, rights.of_mote(mote)) for mote in fleet.sharing_keys()]
    return "\n".join(parts)


def _psk_keys(fleet: Fleet) -> str:
    """Identity and key of each mote, in hexadecimal. TLS needs the key itself: nothing but the file's mode hides it."""
    return "".join(f"{mote.id}:{mote.psk(fleet.id).hex()}\n" for mote in fleet.sharing_keys())


def _clear_acl(fleet: Fleet) -> str:
    parts = ["# The clear listener: sealed motes only. What is not listed is refused.\n"]
    parts += [_grants(mote.id, rights.of_mote(mote)) for mote in fleet.clear()]
    return "\n".join(parts)


def _grants(user: str, granted: rights.Rights) -> str:
    lines = [f"user {user}"]
    lines += [f"topic write {topic}" for topic in granted.publish]
    lines += [f"topic read {topic}" for topic in granted.subscribe]
    return "\n".join(lines) + "\n"


def _passwords(fleet: Fleet) -> str:
    return "".join(f"{mote.id}:{hash_password(mote.static_password(fleet.id))}\n" for mote in fleet.clear())


def hash_password(password: str, salt: bytes | None = None) -> str:
    """`password` as Mosquitto's password file holds it: $7$, PBKDF2 with HMAC-SHA512, 64 bytes, base64."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    derived = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ROUNDS)
    return f"$7${_HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"
