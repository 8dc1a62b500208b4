"""The folder of a fleet: what is public in it, and, once it is unlocked, its keys.

fleet.toml            what the owner says of the fleet (fleet_file)
motes/<id>.toml       what the owner says of a mote (mote_file); a mote belongs to the fleet as long as this is there
registry/<id>.json    what the tools know of it (registry)
public/               ca.pem, crl.pem, certs/<name>.pem
keys/                 the key store and its lock; never in git
brokers/              what is generated for brokers; never in git
gateway/              what a gateway is given, and its store; never in git

    folder = Folder.find()                       # no passphrase is needed for what is public
    with folder.unlock(ask) as held:             # the lock is held until the end of this block
        held.fleet.motes["kitchen"] …
        held.save()
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mote import topics

from . import durable, fleet_file, mote_file, registry, secret_files
from .certificates import Authority
from .encrypted import Key
from .errors import IronmoteError
from .fleet import Mote, check_id
from .fleet_file import FleetFile, Zone
from .fleet_paths import FLEET_FILE, Paths
from .key_store import KeyStore, Secrets
from .mote_file import Known, MoteFile
from .nearest import nearest
from .process_lock import ProcessLock
from .registry import Entry

if TYPE_CHECKING:
    from .open_folder import OpenFolder

_WAIT_S = 10.0  # for another command that works on the same fleet
_IGNORED = "# Secrets, and what is made of them.\n/keys/\n/brokers/\n/gateway/\n"


class FolderError(IronmoteError):
    """There is no fleet here, or its files do not fit each other."""


class Folder:
    """The public part of a fleet's folder, read once; `paths` says where everything is."""

    def __init__(self, paths: Paths) -> None:
        """For `open` and `find`."""
        self.paths = paths
        self.file: FleetFile = fleet_file.load(paths.fleet_file)

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """The fleet in the folder `path`. Raises IronmoteError."""
        return cls(Paths(path))

    @classmethod
    def find(cls, start: Path | None = None) -> "Folder":
        """The fleet in the nearest folder upward from `start`, by default the current one. Raises FolderError."""
        start = (start or Path.cwd()).resolve()
        for each in (start, *start.parents):
            if (each / FLEET_FILE).is_file():
                return cls.open(each)
        raise FolderError(f"no fleet in {start} or above it; ironmote init makes one, --fleet DIR names one elsewhere")

    def mote_ids(self) -> list[str]:
        """The motes of the fleet: those that have a file. Raises IronmoteError on a file with another name."""
        return _ids(self.paths.motes, ".toml")

    def known_ids(self) -> list[str]:
        """The motes that have a file, and those that had keys, were not removed, and whose file is gone."""
        noted = (name for name in _ids(self.paths.registry, ".json") if self.has(name))
        return sorted({*self.mote_ids(), *noted})

    def has(self, mote_id: str) -> bool:
        """True where `known_ids` has the mote."""
        entry = self.entry(mote_id)
        return self.paths.mote(mote_id).is_file() or (entry.generation > 0 and not entry.removed)

    def unknown(self, mote_id: str) -> FolderError:
        """The error that there is no such mote."""
        near = nearest(mote_id, self.known_ids()) or "; ironmote list shows which there are"
        return FolderError(f"no mote is called {mote_id}{near}")

    def mote_file(self, mote_id: str) -> MoteFile:
        """What the owner says of the mote. Raises MoteFileError, FolderError where there is none."""
        path = self.paths.mote(check_id(mote_id))
        if not path.is_file():
            raise self.unknown(mote_id)
        return mote_file.load(path)

    def entry(self, mote_id: str) -> Entry:
        """What the tools know of the mote, or of one that was removed. Raises RegistryError."""
        return registry.read(self.paths.entry(check_id(mote_id)))

    def certificate(self, name: str) -> bytes | None:
        """The newest certificate of that name, PEM; None where none was issued."""
        path = self.paths.certificate(name)
        return path.read_bytes() if path.is_file() else None

    def zone_of(self, file: MoteFile, entry: Entry) -> Zone:
        """The zone in which the mote lives: the one that its file names, else the first that fits its channel.

        Raises FolderError where that zone is none, or is not for this channel.
        """
        zones, channel = self.file.zones, entry.channel
        if file.zone is None:
            return self.file.zone_for(encrypts=channel is None or channel.startswith("tls"))
        if file.zone not in zones:
            near = nearest(file.zone, zones)
            raise FolderError(f"{file.path}: zone: {FLEET_FILE} has {', '.join(zones) or 'none'}{near}")
        zone = zones[file.zone]
        if channel is not None and not zone.takes(channel):
            raise FolderError(f"{file.path}: zone: {zone.name} is {zone.trust}, which is not for the channel {channel}")
        return zone

    def known(self, mote: Mote, clock_floor: int) -> Known:
        """What mote_file.compile needs beside the file of `mote`. Raises FolderError where its zone has no broker."""
        zone = self.file.zones[mote.zone]
        if not zone.brokers:
            raise FolderError(
                f"{self.paths.fleet_file}: zones.{zone.name}.brokers: name the broker that motes connect to"
            )
        return Known(
            mote=mote.id,
            fleet=self.file.id,
            zone=zone.name,
            broker=[{"host": each.host, "port": each.port, "name": zone.server_name} for each in zone.brokers],
            generation=mote.generation,
            channel=mote.channel or "auto",
            wifi=self.file.wifi,
            clock_floor=clock_floor,
            connect=mote.connect,
            defaults=self.file.defaults,
        )

    @contextlib.contextmanager
    def unlock(self, passphrase: Callable[[], str]) -> Iterator["OpenFolder"]:
        """The fleet with its keys; nobody else changes it meanwhile.

        `passphrase` is called where one opens the key store. Raises IronmoteError: wrong passphrase, damaged files, or
        another process at work.
        """
        from .open_folder import OpenFolder

        # Before the lock: a person may take long to answer.
        store, _ = KeyStore.open(self.paths.store, passphrase)
        with _locked(self.paths):
            self.file = fleet_file.load(self.paths.fleet_file)
            if self.paths.begun.exists():
                durable.remove(self.paths.begun)
            yield OpenFolder(self, store, store.load())


def _ids(folder: Path, ending: str) -> list[str]:
    """The motes that have a file in `folder`. What begins with a dot is an editor's, or was cut off."""
    found = sorted(path.name for path in folder.glob(f"[!.]*{ending}"))
    for name in found:
        if not topics.is_id(name.removesuffix(ending)):
            raise FolderError(f"{folder / name}: a mote's id is 1 to 23 of a-z, 0-9 and -; give the file another name")
    return [name.removesuffix(ending) for name in found]


@contextlib.contextmanager
def _locked(paths: Paths) -> Iterator[None]:
    try:
        lock = ProcessLock(paths.lock, _WAIT_S)
    except TimeoutError:
        raise FolderError(f"another ironmote is working on {paths.root}; try again when it is done") from None
    try:
        yield
    finally:
        lock.release()


def check_new(root: Path) -> None:
    """Raise FolderError where a fleet is in the folder `root`, or a part of one that was in use."""
    paths = Paths(root)
    for path in (paths.fleet_file, paths.store):
        if path.exists() and not (path == paths.store and paths.begun.exists()):
            raise FolderError(f"{path} is there already; take another folder, or move it away if nobody needs it")


def create(root: Path, key: Key, secrets: Secrets, files: Mapping[str, bytes]) -> Folder:
    """Make a fleet in the folder `root` of `files`, by their paths below it, and of `secrets`, under `key`.

    The fleet is there once fleet.toml is, which is written last; where anything fails before, what was written is
    removed, and what a kill or a power cut leaves is written anew by the next call. Raises
    IronmoteError where there is one already, OSError.
    """
    check_new(root)
    paths = Paths(root)
    if not root.is_dir():
        root.mkdir(parents=True)
    secret_files.make_folder(paths.store.parent).chmod(0o700)
    written: list[Path] = []
    with _locked(paths):
        check_new(root)  # another may have made one while we waited
        durable.replace(paths.begun, b"")
        try:
            paths.store.unlink(missing_ok=True)
            ignore_secrets(paths)
            written.append(paths.store)
            KeyStore.create(paths.store, key, secrets)
            for name, content in sorted(files.items(), key=lambda each: each[0] == FLEET_FILE):
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                written.append(path)
                durable.replace(path, content, durable.PUBLIC)
            made = Folder(paths)
        except BaseException:
            for path in reversed(written):
                path.unlink(missing_ok=True)
            durable.remove(paths.begun)
            raise
        durable.remove(paths.begun)
        return made


def first_files(
    name: str, fleet_id: bytes, host: str | None, network: str | None = None
) -> tuple[Secrets, dict[str, bytes]]:
    """The keys and the files of a new fleet: an authority, and nothing that it has signed but an empty list."""
    authority = Authority.create(f"ironmote {fleet_id.hex()[:8]}")  # it is in each certificate, on each board
    secrets = Secrets(fleet_id, authority.key_der, revocations=1)
    here = Paths(Path())
    files = {
        here.fleet_file: fleet_file.new(name, fleet_id, host, network).encode(),
        here.authority: authority.ca_pem,
        here.revoked: authority.revocation_list({}, 1),
    }
    return secrets, {path.as_posix(): content for path, content in files.items()}


def ignore_secrets(paths: Paths) -> None:
    """Have git leave out all that holds keys, whatever else it leaves out."""
    path = paths.ignored
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if _IGNORED not in before:
        durable.replace(path, before + _IGNORED, durable.PUBLIC)
