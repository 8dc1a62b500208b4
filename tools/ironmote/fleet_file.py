"""fleet.toml: what the owner of a fleet says of it. Fit for git; it holds no secret and nothing that tools write."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mote import schema, topics
from mote import settings as device_settings

from . import mote_file, owner_check, roles
from .errors import IronmoteError
from .fleet import CLEAR, FLEET_ID_BYTES, HOME
from .fleet_paths import FLEET_FILE
from .nearest import nearest
from .plain import plain
from .roles import Role
from .toml_lines import Lines, TomlError

TRUSTED, PUBLIC = "trusted", "public"
TRUSTS = (TRUSTED, CLEAR, PUBLIC)  # "clear" is a trust and what its zone is called as long as nobody says otherwise
_PORTS = {TRUSTED: 8883, CLEAR: 1883, PUBLIC: 1883}

_NAME = (schema.TEXT, 1, 64)
_HOST = (schema.TEXT, 1, 253)
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST_SERVER_NAME = 64  # it is the common name of a certificate (RFC 5280, ub-common-name)
_BROKER = {"host": _HOST, "port": (schema.MAYBE, (schema.INT, 1, 65_535))}
_ZONE = {
    "trust": (schema.WORD, *TRUSTS),
    "brokers": (schema.MAYBE, (schema.LIST, 4, (schema.TABLE, None, _BROKER))),
    "server_name": (schema.MAYBE, _HOST),
    "connect": (schema.MAYBE, device_settings.FIELDS["connect"]),
}
# What is one mote's own is in its own file.
_WIFI = {
    name: (schema.MAYBE, rule)
    for name, rule in device_settings.FIELDS["wifi"][2].items()
    if name not in ("hostname", "address")
}
_TOP = ("name", "id", "zones", "wifi", "defaults", "users", "roles")

_TEMPLATE = """\
# The fleet {title}. Fit for git: secrets are in keys/, which git leaves out.
name = {name}
id = "{id}"  # public; every key is made with it, so it stays as it is

# Where motes connect. `brokers` are tried in order; each shows a certificate with the name in `server_name`.
[zones.{home}]  # TLS on both sides
trust = "trusted"
brokers = [{trusted}]
server_name = "broker.{home}"

[zones.{clear}]  # TCP, for sealed motes only
trust = "clear"
brokers = [{open}]
connect = "token"  # "static" where the broker only compares passwords, as Mosquitto does

# The networks that motes know. Their passphrases: ironmote wifi NAME
[wifi]
{network}
# more = ["barn"]

# What motes have where their own file says nothing else; the words are those of motes/<id>.toml.
[defaults]
# sample_ms = 10000

# Who else may read and command motes in the trusted zone, and as what: ironmote roles
[users]
# dashboard = "monitor"

# Roles of your own. Nobody but motes may publish under mote/ anything but commands.
# [roles.gardener]
# publish = ["mote/pump/down"]
# subscribe = ["mote/pump/up", "mote/pump/ack"]
"""


class FleetFileError(IronmoteError):
    """fleet.toml is not right. `errors` are a line each: file, line, setting, what is wrong."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__(errors[0] + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""))
        self.errors = tuple(errors)


@dataclass(frozen=True)
class Host:
    """Where a broker listens."""

    host: str
    port: int


@dataclass(frozen=True)
class Zone:
    """One broker endpoint and the trust it has. `connect` is what motes show where there is no TLS."""

    name: str
    trust: str
    brokers: tuple[Host, ...]
    server_name: str
    connect: str = device_settings.TOKEN

    def takes(self, channel: str) -> bool:
        """True where motes on this channel may live here: nothing of theirs is to be read by who is not trusted."""
        if self.trust == TRUSTED:
            return channel.startswith("tls")
        return channel == "sealed" if self.trust == CLEAR else channel.endswith("sealed")


@dataclass(frozen=True)
class FleetFile:
    """What is in the file, checked."""

    name: str
    id: bytes
    zones: dict[str, Zone]
    wifi: dict[str, Any] = field(default_factory=dict)  # as mote.settings has it
    defaults: dict[str, Any] = field(default_factory=dict)  # as mote_file has them
    users: dict[str, Role] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)  # the custom ones

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks, in the order in which motes keep their passphrases."""
        return (*([self.wifi["ssid"]] if "ssid" in self.wifi else []), *self.wifi.get("more", ()))

    def zone_for(self, encrypts: bool) -> Zone:
        """The first zone for motes with or without TLS. Raises FleetFileError where there is none."""
        for zone in self.zones.values():
            if (zone.trust == TRUSTED) is encrypts:
                return zone
        raise FleetFileError([f'{FLEET_FILE}: no zone has trust = "{TRUSTED if encrypts else CLEAR}"'])


def new(name: str, fleet_id: bytes, host: str | None = None, network: str | None = None) -> str:
    """The text of a new file, with comments; `host` is where its brokers run, `network` what motes join, if known."""
    check = owner_check.Check()
    check.value(name, _NAME, ("name",))
    if host is not None:
        check.value(host, _HOST, ("host",))
    if network is not None:
        check.value(network, _WIFI["ssid"][1], ("network",))
    if check.errors or not (name + (network or "")).isprintable():
        where, words = check.errors[0] if check.errors else (("name",), "letters that can be seen")
        raise FleetFileError([f"a fleet's {where[0]} is {words}"])
    return _TEMPLATE.format(
        title=name,
        name=quoted(name),
        id=fleet_id.hex(),
        home=HOME,
        clear=CLEAR,
        trusted=_broker(host, TRUSTED),
        open=_broker(host, CLEAR),
        network='# ssid = "home"' if network is None else f"ssid = {quoted(network)}",
    )


def _broker(host: str | None, trust: str) -> str:
    return "" if host is None else f"{{ host = {quoted(host)}, port = {_PORTS[trust]} }}"


def quoted(text: str) -> str:
    """Printable `text` as TOML writes a string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def load(path: Path) -> FleetFile:
    """The file at `path`. Raises FleetFileError, or MoteFileError of its defaults."""
    try:
        lines = Lines(path.read_bytes())
    except FileNotFoundError:
        raise FleetFileError([f"there is no {path}; ironmote init makes a fleet"]) from None
    except TomlError as error:
        raise FleetFileError([f"{path}:{error.line}: {plain(str(error))}"]) from error
    check = owner_check.Check()
    found = _parse(lines.table, check)
    if found is None or check.errors:
        told = sorted(((lines.line(where), where, words) for where, words in check.errors), key=lambda each: each[0])
        raise FleetFileError([plain(f"{path}:{line}: {_dotted(where)}: {words}") for line, where, words in told])
    found.defaults.update(mote_file.check_defaults(_table(lines.table, "defaults", check), str(path), lines.line))
    return found


def _parse(table: Mapping[str, Any], check: owner_check.Check) -> FleetFile | None:
    """What `table` says but for the defaults; None where it is not enough. What is wrong is in `check`."""
    for name in table:
        if name not in _TOP:
            check.unknown((name,), _TOP)
    name = check.value(table.get("name", "fleet"), _NAME, ("name",))
    fleet_id = _fleet_id(table)
    if fleet_id is None:
        check.fail(("id",), f"{2 * FLEET_ID_BYTES} digits in hex, which ironmote init wrote; take them from a copy")
    zones = {each: _zone(each, fields, check) for each, fields in _table(table, "zones", check).items()}
    own = {each: _role(each, fields, check) for each, fields in _table(table, "roles", check).items()}
    wifi = check.table(_table(table, "wifi", check), _WIFI, ("wifi",))
    users = {each: _user(each, role, own, check) for each, role in _table(table, "users", check).items()}
    if check.errors or fleet_id is None:
        return None
    return FleetFile(name, fleet_id, zones, wifi, {}, users, own)


def _fleet_id(table: Mapping[str, Any]) -> bytes | None:
    try:
        found = bytes.fromhex(table["id"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if len(found) == FLEET_ID_BYTES else None


def _zone(name: str, fields: Any, check: owner_check.Check) -> Zone:
    _check_name(name, ("zones", name), check)
    found = check.table(fields, _ZONE, ("zones", name))
    for number, each in enumerate(found.get("brokers") or ()):
        _check_host(each.get("host"), 253, ("zones", name, "brokers", number, "host"), check)
    _check_host(found.get("server_name"), _LONGEST_SERVER_NAME, ("zones", name, "server_name"), check)
    trust = str(found.get("trust"))
    hosts = tuple(
        Host(each.get("host", ""), each.get("port", _PORTS.get(trust, 0))) for each in found.get("brokers") or ()
    )
    return Zone(
        name,
        trust,
        hosts,
        found.get("server_name", f"broker.{name}"),
        found.get("connect", device_settings.TOKEN),
    )


def _role(name: str, fields: Any, check: owner_check.Check) -> Role:
    try:
        return roles.custom(name, fields)
    except roles.RoleError as error:
        check.fail(("roles", name), str(error))
        return roles.MONITOR


def _user(name: str, role: Any, own: Mapping[str, Role], check: owner_check.Check) -> Role:
    _check_name(name, ("users", name), check)
    words = (*roles.FOR_USERS, *own)
    if not isinstance(role, str) or role not in words:
        near = nearest(role, words) if isinstance(role, str) else ""
        check.fail(("users", name), f"one of {', '.join(words)}{near}")
        return roles.MONITOR
    return own.get(role) or roles.BUILT_IN[role]


def _check_host(host: Any, longest: int, where: owner_check.Path, check: owner_check.Check) -> None:
    """Note where `host` is none that a certificate and a broker's configuration can name; None is left to others."""
    if not isinstance(host, str) or any(path == where for path, _ in check.errors):
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if len(host) > longest or not _HOST_NAME.fullmatch(host):
            check.fail(where, f"a host's name of 1 to {longest} letters of ASCII (xn--… for others), or its address")


def _check_name(name: str, where: owner_check.Path, check: owner_check.Check) -> None:
    if not topics.is_id(name):
        check.fail(where, "a name of 1 to 23 of a-z, 0-9 and -")


def _table(table: Mapping[str, Any], name: str, check: owner_check.Check) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        check.fail((name,), "a table")
        return {}
    return found


def _dotted(where: owner_check.Path) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in where).removeprefix(".")
