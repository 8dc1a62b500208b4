"""gateway/gateway.toml: what the owner of a fleet says of its gateway. All of it may be left out, the file too.

    name = "cellar"                      # of one of several gateways with one store
    keep_days = 400                      # how long records are kept; left out: for ever
    store = "postgresql://db.home/motes" # left out: gateway/history.db

    [[zone]]                             # a broker that ironmote did not write
    name = "away"
    host = "mqtt.example.org"
    username = "greenhouse"
    password_file = "away.password"      # in this folder, its owner's alone

Each part of the gateway has a table of its own here, whose rules are that part's (`TABLES`).
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mote import schema, topics

from .. import owner_check, secret_files
from ..alerts import rules
from ..alerts.rules import Rules
from ..brokers import GatewayAccess
from ..errors import IronmoteError
from ..fleet_paths import Paths
from ..northbound import tables as northbound
from ..plain import plain
from ..toml_lines import Lines, TomlError
from .database import is_url

_HOST = (schema.TEXT, 1, 253)
_WORDS = (schema.TEXT, 1, 253)
_ZONE: dict[str, owner_check.Rule] = {
    "name": (schema.ID,),
    "host": _HOST,
    "port": (schema.MAYBE, (schema.INT, 1, 65_535)),
    "prefix": (schema.MAYBE, (schema.WORD, "sealed", "mote")),
    "transport": (schema.MAYBE, (schema.WORD, "tcp", "websockets")),
    "ca": (schema.MAYBE, _WORDS),
    "cert": (schema.MAYBE, _WORDS),
    "cert_key": (schema.MAYBE, _WORDS),
    "client_id": (schema.MAYBE, (schema.TEXT, 1, 64)),
    "username": (schema.MAYBE, _WORDS),
    "password_file": (schema.MAYBE, _WORDS),
    "republish": (schema.MAYBE, (schema.FLAG,)),
}
_MOST_ZONES = 16
_PORT = 8883

# Each table's rule, by its name; the part of the gateway that it is for reads it with `Settings.tables`.
TABLES: dict[str, owner_check.Rule] = {**rules.TABLES, **northbound.TABLES}


class SettingsError(IronmoteError):
    """gateway.toml is not right: file, line, setting, what is wrong."""


@dataclass(frozen=True)
class Settings:
    """What is in the file, checked. `store` is a URL, None for the file in the gateway's folder.

    `name` tells one of several gateways with one store from the others; `zones` are brokers beside
    the one that ironmote has written; `tables` what is said to parts of the gateway.
    """

    store: str | None = field(default=None, repr=False)  # it may have a password in it
    keep_days: int | None = None
    zones: tuple[GatewayAccess, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    rules: Rules = field(default_factory=Rules)  # of alerts
    name: str | None = None

    def named(self, access: GatewayAccess) -> GatewayAccess:
        """The way in of this one of several gateways."""
        return access if self.name is None else replace(access, client_id=f"{access.client_id}-{self.name}")


def load(path: Path, fleet_id: bytes) -> Settings:
    """The file at `path`; what is meant by none, where there is no file. Raises SettingsError."""
    try:
        lines = Lines(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except TomlError as error:
        raise SettingsError(f"{path}:{error.line}: {plain(str(error))}") from error
    check = owner_check.Check()
    fields: dict[str, owner_check.Rule] = {
        "name": (schema.MAYBE, (schema.ID,)),
        "store": (schema.MAYBE, (schema.TEXT, 1, 1024)),
        "keep_days": (schema.MAYBE, (schema.INT, 1, 36_500)),
        "zone": (schema.MAYBE, (schema.LIST, _MOST_ZONES, (schema.TABLE, None, _ZONE))),
    }
    found = check.table(lines.table, fields | TABLES, ())
    zones, told = [], Rules()
    if not check.errors:
        told = rules.read(found, path.parent, check)
        for number, each in enumerate(found.get("zone") or ()):
            zones.append(_access(path.parent, fleet_id, each, ("zone", number), check))
    if "://" in (found.get("store") or "") and not is_url(found["store"]):
        check.fail(("store",), "a URL begins with postgresql://, or else name a file")
    if "://" in (found.get("store") or "") and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        check.fail(("store",), f"others can read this file, and a URL may have a password in it: chmod 600 {path}")
    if check.errors:
        line, where, words = min(((lines.line(where), where, words) for where, words in check.errors), key=_first)
        more = f" (and {len(check.errors) - 1} more)" if len(check.errors) > 1 else ""
        raise SettingsError(plain(f"{path}:{line}: {_dotted(where)}: {words}{more}"))
    return Settings(
        found.get("store"),
        found.get("keep_days"),
        tuple(zones),
        {name: found[name] for name in TABLES if found.get(name) is not None},
        told,
        found.get("name"),
    )


def place_of_store(told: Settings, paths: Paths) -> Path | str:
    """Where the settings say that the store is: a URL, or a file, from the gateway's folder on."""
    if told.store is None:
        return paths.history
    return told.store if is_url(told.store) else paths.gateway / told.store


def _access(
    folder: Path, fleet_id: bytes, table: dict[str, Any], where: owner_check.Path, check: owner_check.Check
) -> GatewayAccess:
    def path(name: str) -> Path | None:
        return folder / table[name] if table.get(name) else None

    if (table.get("cert") is None) is not (table.get("cert_key") is None):
        check.fail((*where, "cert"), "goes with cert_key: both, or neither")
    if table.get("republish") is True and table.get("prefix") != topics.OPEN:
        check.fail((*where, "republish"), 'goes with prefix = "mote": consumers read there')
    return GatewayAccess(
        zone=table["name"],
        prefix=table.get("prefix") or "sealed",
        host=table["host"],
        port=table.get("port") or _PORT,
        transport=table.get("transport") or "tcp",
        username=table.get("username"),
        password=_password(path("password_file"), (*where, "password_file"), check),
        ca_file=path("ca"),
        cert_file=path("cert"),
        key_file=path("cert_key"),
        republish=table.get("republish") is True,
        client_id=table.get("client_id") or f"ironmote-{fleet_id.hex()[:8]}-{table['name']}"[:23],
    )


def _password(path: Path | None, where: owner_check.Path, check: owner_check.Check) -> str | None:
    if path is None:
        return None
    try:
        return secret_files.read_line(path)
    except (OSError, ValueError) as error:
        check.fail(where, str(getattr(error, "strerror", None) or error))
        return None


def _first(each: tuple[int, owner_check.Path, str]) -> int:
    return each[0]


def _dotted(where: owner_check.Path) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in where).removeprefix(".")
