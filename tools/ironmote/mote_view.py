"""A mote, and a fleet, as people and scripts are shown them: all that is known and is no secret."""

import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from . import encrypted
from .certificates import RENEW_DAYS
from .fleet_file import FleetFileError
from .fleet_folder import Folder, FolderError
from .key_store import KIND, KeyStoreError
from .mote_file import MoteFileError
from .registry import Entry

_DAY_S = 86_400


def of_mote(folder: Folder, mote_id: str, whole: bool = False) -> dict[str, Any]:
    """What is known of the mote; `whole` with all that its file says. Times are seconds since 1970.

    Raises FolderError where there is no such mote, RegistryError.
    """
    if not folder.has(mote_id):
        raise folder.unknown(mote_id)
    entry = folder.entry(mote_id)
    board = zone = None
    fields: dict[str, Any] = {}
    state = _state(mote_id, entry)
    if not folder.paths.mote(mote_id).is_file():
        state = f"its file is gone: ironmote add {mote_id} --board BOARD"
    else:
        try:
            file = folder.mote_file(mote_id)
            board, fields = file.board, dict(file.fields)
            if file.zone is not None or entry.channel is not None:  # else it depends on what the board can do
                zone = folder.zone_of(file, entry).name
        except (MoteFileError, FolderError, FleetFileError) as error:
            state = str(error)
    found: dict[str, Any] = {
        "mote": mote_id,
        "board": board,
        "channel": entry.channel,
        "zone": zone,
        "generation": entry.generation,
        "certificate": entry.expires,
        "provisioned": entry.provisioned_at,
        "state": state,
    }
    if whole:
        found |= {"why": entry.why, "serial": entry.serial, "given": entry.provisioned, "settings": _public(fields)}
    return found


def _state(mote_id: str, entry: Entry) -> str:
    if entry.removed or entry.generation == 0:
        return f"no keys: ironmote add {mote_id}"
    if entry.revoked:
        return "revoked"
    if entry.expires is not None and entry.expires - time.time() < RENEW_DAYS * _DAY_S:
        return "its certificate ends soon: provision it again"
    return "good" if entry.provisioned_at is not None else "to provision"


def of_fleet(folder: Folder) -> dict[str, Any]:
    """What is known of the fleet itself. Raises IronmoteError where its key store or authority is missing."""
    file = folder.file
    try:
        authority = x509.load_pem_x509_certificate(folder.paths.authority.read_bytes())
        head = encrypted.header(encrypted.read(folder.paths.store), KIND)
    except FileNotFoundError as error:
        raise KeyStoreError(
            f"{error.filename} is missing: a copy of the folder has no keys; ironmote import has"
        ) from None
    return {
        "fleet": file.name,
        "folder": str(folder.paths.root),
        "id": file.id.hex(),
        "motes": len(folder.mote_ids()),
        "zones": {
            zone.name: {"trust": zone.trust, "brokers": [f"{each.host}:{each.port}" for each in zone.brokers]}
            for zone in file.zones.values()
        },
        "networks": list(file.networks),
        "users": {name: role.name for name, role in file.users.items()},
        "roles": list(file.roles),
        "authority": authority.fingerprint(hashes.SHA256()).hex(),
        "authority_ends": int(authority.not_valid_after_utc.timestamp()),
        "key_store": "passphrase" if head.by_passphrase else "keyring",
    }


def _public(value: Any) -> Any:
    """`value` of a mote's file as JSON has it: bytes, such as those of a DS18B20's code, in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _public(each) for name, each in value.items()}
    return [_public(each) for each in value] if isinstance(value, list | tuple) else value


_TIMES = ("certificate", "provisioned", "authority_ends")


def word(name: str, value: Any) -> str:
    """How a person is shown the `value` called `name` above."""
    if value is None or value in ("", [], {}):
        return "–"
    if name in _TIMES:
        return time.strftime("%Y-%m-%d", time.gmtime(value))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def lines(name: str, value: Any) -> list[tuple[str, str]]:
    """`value`, with all that is in it, as pairs of a name and a word."""
    if isinstance(value, dict) and value:
        return [line for key, each in value.items() for line in lines(f"{name}.{key}" if name else key, each)]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [line for number, each in enumerate(value) for line in lines(f"{name}[{number}]", each)]
    return [(name, word(name, value))]
