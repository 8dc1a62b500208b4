"""A fleet's folder whose keys are open: its motes with their root keys, and the order in which all is written."""

import os
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

from . import boards, durable, mote_file, mote_template, registry, rotation
from .certificates import Authority, Credential
from .errors import IronmoteError
from .fleet import MAX_GENERATION, ROOT_BYTES, Fleet, Mote, check_id
from .fleet_folder import Folder, FolderError, ignore_secrets
from .key_store import KeyStore, MoteKeys, Secrets
from .leaf_certificates import LeafCertificates
from .registry import Entry


class OpenFolder:
    """What `Folder.unlock` gives; `folder` is its public part. What is changed is on the disk after `save`."""

    def __init__(self, folder: Folder, store: KeyStore, secrets: Secrets) -> None:
        """For `Folder.unlock`."""
        if secrets.fleet_id != folder.file.id:
            raise FolderError(f"{folder.paths.fleet_file} and the key store are of two fleets: their ids differ")
        self.folder = folder
        self.secrets = secrets
        self.certificates = LeafCertificates(folder.paths, secrets)
        self._store = store
        self._fleet: Fleet | None = None
        self._entries: dict[str, Entry] = {}
        self._as_read: dict[str, Entry] = {}
        self._new_files: dict[Path, str] = {}
        self._removed: list[Path] = []
        self._boards: list[Path] = []  # simulated, whose motes were removed

    @property
    def authority(self) -> Authority:
        """The fleet's certificate authority."""
        return self.certificates.authority

    @property
    def fleet(self) -> Fleet:
        """The motes that have a file and keys, those that were revoked among them, and the users.

        Changes to motes are saved by `save`. Raises IronmoteError where a mote's file is not right.
        """
        if self._fleet is None:
            self._fleet = Fleet(self.folder.file.id, users=dict(self.folder.file.users))
            both = sorted({*self._fleet.users} & {*self.secrets.motes, *self.folder.mote_ids()})
            if both:
                self._fleet = None
                raise FolderError(
                    f"{self.folder.paths.fleet_file}: users.{both[0]}: a mote is called so, and brokers could not tell "
                    "them apart; call the user otherwise"
                )
            for mote_id in sorted({*self.folder.mote_ids(), *(path.stem for path in self._new_files)}):
                if mote_id in self.secrets.motes:
                    self._fleet.motes[mote_id] = self._mote(mote_id)
        return self._fleet

    def _mote(self, mote_id: str) -> Mote:
        path, keys, entry = self.folder.paths.mote(mote_id), self.secrets.motes[mote_id], self.entry(mote_id)
        if path in self._new_files:
            file = mote_file.of_table(tomllib.loads(self._new_files[path]), str(path))
        else:
            file = self.folder.mote_file(mote_id)
        mote = Mote(
            mote_id,
            file.board,
            generation=keys.generation,
            root=keys.root,
            successor=keys.successor,
            channel=entry.channel,
            why=entry.why,
            revoked=entry.revoked,
            sensors=list(file.fields.get("sensors", ())),
            actuators=list(file.fields.get("actuators", ())),
            rules=list(file.fields.get("rules", ())),
        )
        zone = self.folder.zone_of(file, entry)
        mote.zone, mote.connect = zone.name, zone.connect
        return mote

    def entry(self, mote_id: str) -> Entry:
        """What the tools know of the mote; changes to it are saved by `save`.

        Generation, channel, why and revoked are those of the mote in `fleet`: change them there.
        """
        if mote_id not in self._entries:
            self._entries[mote_id] = self.folder.entry(mote_id)
            self._as_read[mote_id] = replace(self._entries[mote_id])
        return self._entries[mote_id]

    def lagging(self) -> list[str]:
        """Motes whose keys are older than the registry knows: the key store was put back from an old copy."""
        return [name for name, keys in self.secrets.motes.items() if keys.generation < self.entry(name).generation]

    def add(self, mote_id: str, board: str | None, text: str | None = None) -> bool:
        """Add a mote: its file, for `board`, where it has none yet, and its root key. True where a key was made.

        `text` is its new file, of that board, in place of one that shows what can be said.

        An id that was used before goes on counting its generations; keys whose mote's file was deleted by hand are its
        keys again. Raises IronmoteError on an id that cannot be one or is taken.
        """
        path = self.folder.paths.mote(check_id(mote_id))
        keyed = mote_id in self.secrets.motes
        if (path.is_file() and keyed) or path in self._new_files:
            raise FolderError(f"there is already a mote called {mote_id}")
        if mote_id in self.folder.file.users:
            raise FolderError(f"a user is called {mote_id}; brokers could not tell them apart")
        if path.is_file():
            self.folder.mote_file(mote_id)
        elif board is None:
            raise FolderError(f"{mote_id} needs a board: --board NAME; there are {', '.join(boards.names())}")
        else:
            self._new_files[path] = text or mote_template.text(mote_id, boards.load(board))
        if not keyed:
            spent = self._spent(mote_id)
            if spent >= MAX_GENERATION:
                raise FolderError(f"{mote_id} has had {MAX_GENERATION} root keys; take another id")
            self.secrets.motes[mote_id] = MoteKeys(spent + 1, os.urandom(ROOT_BYTES))
            self._entries[mote_id] = Entry()
        if self._fleet is not None:
            self._fleet.motes[mote_id] = self._mote(mote_id)
        return not keyed

    def _spent(self, mote_id: str) -> int:
        """The highest generation that a board of the mote can have."""
        keys, noted = self.secrets.motes.get(mote_id), self.entry(mote_id)
        if keys is not None:
            return max(noted.generation, keys.generation + (keys.successor is not None))
        # Keys that went without a note of it: removing was cut off, and a successor may be on the board.
        cut_off = noted.generation > 0 and not noted.removed
        return min(noted.generation + cut_off, MAX_GENERATION)

    def remove(self, mote_id: str) -> None:
        """Erase the mote's keys, revoke its certificate, and remove its file. Its generation stays known.

        One that was removed is removed once more: a power cut may have come before all was done.
        """
        entry = self.entry(mote_id)
        if not (mote_id in self.secrets.motes or mote_id in self.folder.mote_ids() or entry.removed):
            raise self.folder.unknown(mote_id)
        spent = self._spent(mote_id)
        self.secrets.motes.pop(mote_id, None)
        self.certificates.revoke(mote_id)
        self._entries[mote_id] = Entry(generation=spent, removed=True)
        self._removed.append(self.folder.paths.mote(mote_id))
        self._boards.append(self.folder.paths.simulated(mote_id))
        if self._fleet is not None:
            self._fleet.motes.pop(mote_id, None)

    def revoke(self, mote_id: str) -> None:
        """From the next broker files and lists on nobody believes the mote, until it is provisioned again by cable.

        It gets another root key for that, and its certificate is revoked. Gateways are told by their own means. Raises
        IronmoteError where there is no such mote, or its generations are spent.
        """
        mote = self.fleet.motes.get(check_id(mote_id))
        if mote is None:
            raise self.folder.unknown(mote_id)
        rotation.replace(mote, self.entry(mote_id).generation)
        mote.revoked = True
        self.certificates.revoke(mote_id)

    def credential(self, mote_id: str) -> Credential:
        """The certificate of a mote and its key: a new one where it has none, or one that ends soon."""
        found, entry = self.certificates.get(mote_id), self.entry(mote_id)
        entry.serial, entry.expires = f"{found.serial:x}", found.expires
        return found

    def tell_gateways(self) -> None:
        """Write whom a gateway of this folder serves, as it is now; one that runs takes it up.

        It has keys in it, so it is written from when the fleet has a broker, or its gateway settings, on. A mote whose
        file is not right stays as it was there: nobody is forgotten for a typing mistake.
        """
        from .gateway import roster  # the gateway comes with it

        paths = self.folder.paths
        before = roster.read(paths.roster)
        entries = {}
        for mote_id, keys in self.secrets.motes.items():
            try:
                mote = self._fleet.motes.get(mote_id) if self._fleet is not None else None
                mote = mote or self._mote(mote_id)
            except IronmoteError:
                known = before.entries.get(mote_id) if before is not None else None
                if known is not None and known.member.generation == keys.generation:
                    entries[mote_id] = known
                continue
            if mote.channel is not None:
                entries[mote_id] = roster.entry(mote, self.folder.file.id, self.entry(mote_id).expires, before)
        if roster.write(paths.roster, roster.Roster(self.folder.file.id, entries)):
            ignore_secrets(paths)

    def save(self) -> None:
        """Write what was changed. Keys come first: nothing outside the key store ever names a key that is not in it."""
        if self._fleet is not None:
            for mote in self._fleet.motes.values():
                self.secrets.motes[mote.id] = MoteKeys(mote.generation, mote.root, mote.successor)
                entry = self.entry(mote.id)
                entry.channel, entry.why, entry.revoked = mote.channel, mote.why, mote.revoked
        for name, keys in self.secrets.motes.items():
            entry = self.entry(name)
            entry.generation = max(entry.generation, keys.generation)
        revoked = self.certificates.next_list()
        self._store.save(self.secrets)
        self.certificates.write(revoked)
        paths = self.folder.paths
        for folder in (paths.motes, paths.registry):
            folder.mkdir(exist_ok=True)  # a copy that git made has no empty ones
        for mote_id, entry in self._entries.items():
            if entry != self._as_read[mote_id]:
                registry.write(paths.entry(mote_id), entry)
                self._as_read[mote_id] = replace(entry)
        for path, text in self._new_files.items():
            durable.replace(path, text, durable.PUBLIC)
        for path in self._removed:
            durable.remove(path)
        for path in self._boards:
            shutil.rmtree(path, ignore_errors=True)
        if paths.roster.is_file() or paths.gateway_settings.is_file():
            self.tell_gateways()
        self._boards.clear()
        self._new_files.clear()
        self._removed.clear()
