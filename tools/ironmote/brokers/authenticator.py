"""The authenticators that a NATS server asks: processes of their own, which are given connect keys alone."""

import json
import secrets
import sys
from pathlib import Path

from .. import secret_files
from ..authenticator import nkey, roster
from ..fleet import Fleet
from .identity import Identities
from .process import LOOPBACK, ServerProcess

# What `ironmote authenticator` says once it can be asked (authenticator.process.READY, which would import all of it).
_READY = "authenticator ready"
_USER = "authenticator.callout"
_SYSTEM_USER = "authenticator.system"


class Authenticators:
    """`count` processes that share one roster and one file of counters; `issuer` is the public key of their answers."""

    user = _USER
    system_user = _SYSTEM_USER

    def __init__(self, fleet: Fleet, folder: Path, files: Identities, port: int, account: str, count: int) -> None:
        """Write what they need to `folder`; `port` is where the server speaks NATS's own protocol."""
        signer = nkey.KeyPair.generate(nkey.ACCOUNT)
        self.issuer = signer.public
        self.password = secrets.token_urlsafe(32)
        self.system_password = secrets.token_urlsafe(32)
        self._roster = folder / "roster.json"
        self.admit(fleet)
        settings = {
            "servers": [f"tls://{LOOPBACK}:{port}"],
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
        argv = [sys.executable, "-P", "-m", "ironmote", "authenticator", str(configuration), "--new"]
        names = ["authenticator", *(f"authenticator-{number}" for number in range(2, count + 1))][:count]
        self.processes = [ServerProcess(name, argv, folder / f"{name}.log", (), _READY) for name in names]

    def admit(self, fleet: Fleet) -> None:
        """Write the roster anew; the processes read it when they are next asked, and end who is no longer on it."""
        roster.write(self._roster, roster.of_fleet(fleet))
