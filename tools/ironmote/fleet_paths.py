"""Where things are in the folder of a fleet. No other module names a file of it."""

from dataclasses import dataclass
from pathlib import Path

FLEET_FILE = "fleet.toml"


@dataclass(frozen=True)
class Paths:
    """Where things are in the folder at `root`."""

    root: Path

    @property
    def fleet_file(self) -> Path:
        """What the owner says of the fleet."""
        return self.root / FLEET_FILE

    @property
    def store(self) -> Path:
        """The key store."""
        return self.root / "keys" / "store"

    @property
    def begun(self) -> Path:
        """There while the fleet is made, and until it is first opened: no key of this store was ever used."""
        return self.root / "keys" / "begun"

    @property
    def lock(self) -> Path:
        """The lock of who changes the fleet."""
        return self.root / "keys" / "lock"

    @property
    def authority(self) -> Path:
        """The authority's certificate."""
        return self.root / "public" / "ca.pem"

    @property
    def revoked(self) -> Path:
        """The list of revoked certificates."""
        return self.root / "public" / "crl.pem"

    def simulated(self, mote_id: str) -> Path:
        """The simulated board of a mote, which holds its secrets."""
        return self.root / "keys" / "boards" / mote_id

    @property
    def motes(self) -> Path:
        """The folder of what the owner says of motes."""
        return self.root / "motes"

    @property
    def registry(self) -> Path:
        """The folder of what the tools know of motes."""
        return self.root / "registry"

    def mote(self, mote_id: str) -> Path:
        """What the owner says of a mote."""
        return self.motes / f"{mote_id}.toml"

    def entry(self, mote_id: str) -> Path:
        """What the tools know of a mote."""
        return self.registry / f"{mote_id}.json"

    def certificate(self, name: str) -> Path:
        """The newest certificate of a mote, a broker, a gateway or a user."""
        return self.root / "public" / "certs" / f"{name}.pem"

    def broker(self, kind: str) -> Path:
        """What is generated for the fleet's broker of a kind."""
        return self.root / "brokers" / kind

    @property
    def gateway(self) -> Path:
        """The folder of what a gateway of the fleet needs and keeps. Never in git."""
        return self.root / "gateway"

    @property
    def gateway_settings(self) -> Path:
        """What the owner says of the gateway."""
        return self.gateway / "gateway.toml"

    @property
    def roster(self) -> Path:
        """Whom a gateway serves, with their seal keys."""
        return self.gateway / "roster.json"

    @property
    def history(self) -> Path:
        """The gateway's store, where its settings name no other."""
        return self.gateway / "history.db"

    @property
    def line(self) -> Path:
        """The socket at which a gateway that runs hears its owner."""
        return self.gateway / "line.sock"

    @property
    def certificates(self) -> Path:
        """The folder of the certificates."""
        return self.root / "public" / "certs"

    @property
    def dashboard(self) -> Path:
        """The folder of the dashboard's accounts, and of its certificate. Never in git."""
        return self.root / "gateway" / "dashboard"

    @property
    def ignored(self) -> Path:
        """What git leaves out."""
        return self.root / ".gitignore"
