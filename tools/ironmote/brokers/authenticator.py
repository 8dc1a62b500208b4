"""The authenticators that a NATS server asks: processes of their own, which are given connect keys alone."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import secret_files
from ..authenticator import nkey, roster
from ..fleet import Fleet
from . import Site
from .identity import Identities
from .process import ServerProcess

# What `ironmote authenticator` says once it can be asked (authenticator.process.READY, which would import all of it).
_READY = "authenticator ready"
_USER = "authenticator.callout"
_SYSTEM_USER = "authenticator.system"
_ISSUER = "authenticator.issuer"


class Authenticators:
    """`count` processes that share one roster and one file of counters; `issuer` is the public key of their answers."""

    user = _USER
    system_user = _SYSTEM_USER

    def __init__(
        self,
        fleet: Fleet,
        folder: Path,
        files: Identities,
        servers: Sequence[tuple[str, int]],
        account: str,
        count: int,
        site: Site,
    ) -> None:
        """Write what they need to `folder`; `servers` are where the servers speak NATS's own protocol."""
        # From one of the site's passwords, so that it stays the same where those do.
        signer = nkey.KeyPair.derive(nkey.ACCOUNT, site.password(_ISSUER))
        self.issuer = signer.public
        self.password = site.password(_USER)
        self.system_password = site.password(_SYSTEM_USER)
        self._roster = folder / "roster.json"
        self._zone = site.clear
        self.admit(fleet)
        settings = {
            "servers": [f"tls://{host}:{port}" for host, port in servers],
            "ca": str(files.ca),
            "cert": str(files.authenticator_clear.cert),
            "key": str(files.authenticator_clear.key),
            "account": account,
            "user": self.user,
            "password": self.password,
            "system_user": self.system_user,
            "system_password": self.system_password,
            "issuer": signer.seed,
        }
        # A string of JSON is one of TOML, too, where letters beyond ASCII are themselves.
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
        configuration = secret_files.write(
            folder / "authenticator.toml",
            "# Written by ironmote; changes are lost. It holds passwords.\n"
            'roster = "roster.json"\nstate = "authenticator.db"\n\n[nats]\n' + "\n".join(lines) + "\n",
        )
        # `-P`: no folder of a stranger's choosing on the path. `--new`: this broker begins with these files.
        names = ["authenticator", *(f"authenticator-{number}" for number in range(2, count + 1))][:count]
        self.processes = [process(name, configuration, new=True) for name in names]

    def admit(self, fleet: Fleet) -> None:
        """Write the roster anew; the processes read it when they are next asked, and end who is no longer on it."""
        roster.write(self._roster, roster.of_fleet(fleet, self._zone))


def process(name: str, configuration: Path, new: bool) -> ServerProcess:
    """The authenticator that `configuration` describes; `new` where its file of counters may be made."""
    # `-P`: no folder of a stranger's choosing on the path.
    argv = [sys.executable, "-P", "-m", "ironmote", "authenticator", str(configuration), *(["--new"] if new else [])]
    return ServerProcess(name, argv, configuration.with_name(f"{name}.log"), (), _READY)
