"""The posture of a fleet against ETSI EN 303 645 V2.1.1 (2020-06), clauses 5.1 to 5.13: what its folder shows.

Numbers are the standard's, words are ours. Only what can be computed from the folder is called met; what the folder
cannot show about boards, or ironmote does not do, is not met, and says so. V3.1.3 (2024-09) has the same numbers, but
for 5.6-4 and 5.13-1, which it divides into A and B.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mote import settings as device_settings

from .brokers.written import KINDS
from .certificates import RENEW_DAYS
from .errors import IronmoteError
from .fleet import ROOT_BYTES, Mote
from .open_folder import OpenFolder

MET, NOT_MET, NOT_APPLICABLE = "met", "not met", "not applicable"
_SHORTEST_PASSWORD = 43  # letters of 256 bits in base64
_DAY_S = 86_400
_TOLD = 5  # of what is wrong with one provision


@dataclass(frozen=True)
class Row:
    """One provision: its number, what it wants in our words, how the fleet stands, and what shows it."""

    provision: str
    wants: str
    state: str
    evidence: str


def audit(held: OpenFolder) -> list[Row]:
    """Every provision that is looked at, in the standard's order. Changes nothing. Raises IronmoteError."""
    return [*_access(held), *_care(held), *_storage(held), *_links(held), *_surface(held), *_life(held)]


def _row(provision: str, wants: str, wrong: Iterable[str], shown: str) -> Row:
    found = list(wrong)
    more = [f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
    return Row(provision, wants, NOT_MET if found else MET, "; ".join(found[:_TOLD] + more) if found else shown)


def _motes(held: OpenFolder) -> list[Mote]:
    return [mote for mote in held.fleet.motes.values() if not mote.revoked]


def _access(held: OpenFolder) -> Iterator[Row]:
    keys = [key for each in held.secrets.motes.values() for key in (each.root, each.successor) if key is not None]
    twice = ["two motes have one root key"] if len(set(keys)) < len(keys) else []
    yield _row("5.1-1", "no two devices share a password", twice, f"{len(keys)} root keys, all different")
    short = [
        f"the password of {name} is short"
        for name, text in held.secrets.passwords.items()
        if len(text) < _SHORTEST_PASSWORD
    ]
    shown = f"keys of {8 * ROOT_BYTES} bits and {len(held.secrets.passwords)} passwords of 256, made at random"
    yield _row("5.1-2", "passwords that are given cannot be guessed", short, shown)
    static = [
        f"{mote.id} shows a static password, which can be recorded"
        for mote in held.fleet.clear()
        if mote.connect == "static"
    ]
    yield _row(
        "5.1-3",
        "who comes in is authenticated by good cryptography",
        static,
        "certificates and tokens that count",
    )


def _care(held: OpenFolder) -> Iterator[Row]:
    root = held.folder.paths.root
    policy = [path.name for path in (root / "SECURITY.md", root / "SECURITY.txt") if path.is_file()]
    none = [] if policy else ["no SECURITY.md in the folder says whom to tell"]
    yield _row("5.2-1", "it is public how to report a weakness", none, ", ".join(policy))
    yield Row(
        "5.3-2",
        "devices are updated securely",
        NOT_MET,
        "ironmote provision does it by cable; nothing does over the air",
    )


def _storage(held: OpenFolder) -> Iterator[Row]:
    yield Row(
        "5.4-1",
        "devices keep secrets safe in their storage",
        NOT_MET,
        "flash is in the clear unless its owner encrypted it (ironmote harden), and nothing here shows it",
    )
    yield Row(
        "5.4-2", "hard-coded identities resist tampering", NOT_APPLICABLE, "no identity is in the hardware or the code"
    )
    lagging = [f"the keys of {name} are from an old copy" for name in held.lagging()]
    yield _row("5.4-4", "secrets of communication are each device's own", lagging, "derived from each mote's root key")


def _links(held: OpenFolder) -> Iterator[Row]:
    motes = _motes(held)
    wrong = [f"{mote.id} has no channel yet: provision it" for mote in motes if mote.channel is None]
    kinds = sorted({mote.channel for mote in motes if mote.channel is not None})
    yield _row(
        "5.5-1", "communication is secured by good cryptography", wrong, f"channels: {', '.join(kinds) or 'none yet'}"
    )
    soon = time.time() + RENEW_DAYS * _DAY_S
    worn = [f"the certificate of {mote.id} ends soon" for mote in motes if (held.entry(mote.id).expires or soon) < soon]
    if held.authority.expires < soon:
        worn.append("the authority's certificate ends soon")
    store, ignored = held.folder.paths.store, held.folder.paths.ignored
    worn += [f"{path} can be read by others" for path in (store, store.parent) if path.stat().st_mode & 0o077]
    if not ignored.is_file() or "/keys/" not in ignored.read_text(encoding="utf-8"):
        worn.append("git does not leave out keys/")
    yield _row(
        "5.5-8",
        "keys and certificates are managed securely",
        worn,
        "the key store is encrypted, its owner's alone, and in no git; "
        f"{len(held.secrets.revoked)} certificates on the list of revoked ones",
    )


def _surface(held: OpenFolder) -> Iterator[Row]:
    written = [path for kind in KINDS if (path := held.folder.paths.broker(kind)).is_dir()]
    wrong = [] if written else ["no broker was written by ironmote: what it lets in is not known"]
    gone = [mote.id for mote in held.fleet.motes.values() if mote.revoked]
    for path in written:
        text = "".join(each.read_text(errors="replace") for each in _rights(path))
        wrong += [
            f"{path.name}: {name} was revoked and still has rights"
            for name in gone
            if any(each in text for each in (f"user {name}\n", f'CN={name}"', f'"{name}": {{'))
        ]
    yield _row(
        "5.6-1",
        "no interface is open that is not used",
        wrong,
        f"motes listen on nothing; {', '.join(path.name for path in written)}: what is not granted is refused",
    )
    yield Row(
        "5.6-4",
        "debug interfaces are off",
        NOT_MET,
        "the serial console of MicroPython stays open to who holds the board",
    )
    yield Row(
        "5.7-1",
        "software is verified at boot",
        NOT_MET,
        "secure boot is the board owner's to turn on; nothing here shows it",
    )


def _rights(folder: Path) -> list[Path]:
    found = [*folder.iterdir(), *folder.glob("node-*/*")]
    return [path for path in found if path.suffix in (".acl", ".conf", ".json") and path.is_file()]


def _life(held: OpenFolder) -> Iterator[Row]:
    told = [mote for mote in _motes(held) if held.folder.paths.mote(mote.id).is_file()]
    yield _row("5.8-2", "personal data is secret on its way", (), "there is no channel without encryption")
    alone = [f"{mote.id} has no watchdog" for mote in told if not _setting(held, mote, "watchdog_s")]
    alone += [
        f"{mote.id} keeps nothing in flash while its broker is away"
        for mote in told
        if not _setting(held, mote, "backlog")
    ]
    yield _row(
        "5.9-1", "outages of network and power are outlasted", alone, f"watchdog and backlog of {len(told)} motes"
    )
    quiet = [f"{mote.id} says how it is at each connect only" for mote in told if not _setting(held, mote, "health_s")]
    yield _row("5.10-1", "telemetry is looked at for what is wrong", quiet, f"{len(told)} motes say how they are")
    removed = [
        path.stem for path in held.folder.paths.registry.glob("[!.]*.json") if held.folder.entry(path.stem).removed
    ]
    left = [
        f"{name} was removed and has a certificate" for name in removed if held.folder.certificate(name) is not None
    ]
    left += [f"{name} was removed and has keys" for name in removed if name in held.secrets.motes]
    yield Row("5.11-1", "users can erase what is theirs from a device", MET, "ironmote flash --erase leaves nothing")
    yield _row(
        "5.11-2",
        "users can have what is theirs removed from services",
        left,
        f"of {len(removed)} motes that were removed only the generation is left",
    )
    new = [f"{mote.id} is not provisioned" for mote in told if held.entry(mote.id).provisioned_at is None]
    yield _row(
        "5.12-1", "installation takes few decisions and is secure by default", new, f"{len(told)} motes are provisioned"
    )
    yield _row(
        "5.13-1",
        "input is checked",
        _unreadable(held),
        f"the files of {len(told)} motes are right; each mote checks its settings again",
    )


def _setting(held: OpenFolder, mote: Mote, name: str) -> object:
    own = held.folder.mote_file(mote.id).fields
    return own.get(name, held.folder.file.defaults.get(name, device_settings.DEFAULTS[name]))


def _unreadable(held: OpenFolder) -> Iterator[str]:
    for name in held.folder.mote_ids():
        try:
            held.folder.mote_file(name)
        except IronmoteError as error:
            yield str(error)
