"""What an authenticator process is told: one TOML file, its owner's alone, since it holds passwords.

roster = "roster.json"            # whom to let in; relative paths begin where this file is
state = "authenticator.db"        # the counters that were used; made by `ironmote authenticator --new`

[nats]                            # answer NATS servers
servers = ["tls://127.0.0.1:4222"]
ca = "ca.pem"
…                                 # the fields of service.NatsAccess

[http]                            # answer brokers that ask over HTTP
host = "127.0.0.1"
port = 8642
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import IronmoteError
from .service import NatsAccess

_LOOPBACK = "127.0.0.1"
_PATHS = ("ca", "cert", "key")


class ConfigurationError(IronmoteError):
    """The file cannot be read, or something in it is missing or wrong."""


@dataclass(frozen=True)
class HttpPlace:
    """Where to listen for questions over HTTP."""

    host: str
    port: int


@dataclass(frozen=True)
class Configuration:
    """The checked content of the file."""

    roster: Path
    state: Path
    nats: NatsAccess | None
    http: HttpPlace | None


def load(path: Path) -> Configuration:
    """Read and check the file. Raises ConfigurationError; its text holds no value from the file."""
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise ConfigurationError(f"{path} is not TOML") from None
    known = {"roster", "state", "nats", "http"}
    if set(found) - known:
        raise ConfigurationError(f"{path}: no such setting: {', '.join(sorted(set(found) - known))}")
    folder = path.absolute().parent
    made = Configuration(
        folder / _text(path, found, "roster"),
        folder / _text(path, found, "state"),
        _nats(path, folder, found["nats"]) if "nats" in found else None,
        _http(path, found["http"]) if "http" in found else None,
    )
    if made.nats is None and made.http is None:
        raise ConfigurationError(f"{path}: neither [nats] nor [http]: nobody could ask")
    return made


def _nats(path: Path, folder: Path, table: dict[str, Any]) -> NatsAccess:
    names = {each.name for each in fields(NatsAccess)}
    if set(table) != names:
        raise ConfigurationError(f"{path}: [nats] needs exactly {', '.join(sorted(names))}")
    servers = table["servers"]
    if not isinstance(servers, list) or not servers or not all(isinstance(each, str) for each in servers):
        raise ConfigurationError(f"{path}: nats.servers is a list of URLs")
    values: dict[str, Any] = {name: _text(path, table, name) for name in names - {"servers"}}
    values.update({name: folder / values[name] for name in _PATHS})
    return NatsAccess(servers=tuple(servers), **values)


def _http(path: Path, table: dict[str, Any]) -> HttpPlace:
    port = table.get("port")
    if set(table) - {"host", "port"} or type(port) is not int or not 0 <= port <= 65535:
        raise ConfigurationError(f"{path}: [http] takes host and port, a number up to 65535")
    return HttpPlace(_text(path, {"host": _LOOPBACK, **table}, "host"), port)


def _text(path: Path, table: dict[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{path}: {name} is missing or not a text")
    return value
