"""What the owner's files say of each mote, as far as other programs need it."""

from ..errors import IronmoteError
from ..fleet_folder import Folder
from ..mote_file import MoteFile
from .home_assistant import Described

_DERIVED = (":min", ":max", ":high", ":low")  # PROTOCOL, section 2


def of_folder(folder: Folder) -> dict[str, Described]:
    """The motes of `folder` by id. Those whose file is not right just now are left out."""
    found = {}
    for mote_id in folder.mote_ids():
        try:
            found[mote_id] = of_file(folder.mote_file(mote_id))
        except (IronmoteError, OSError):
            continue
    return found


def of_file(file: MoteFile) -> Described:
    """What `file` says: every name that its readings can have, and its actuators."""
    measured = {name for sensor in file.fields.get("sensors") or () for name in sensor["names"].values()}
    derived = {name + suffix for name in measured for suffix in _DERIVED}
    actuators = {each["name"]: each for each in file.fields.get("actuators") or ()}
    return Described(file.board, frozenset(measured | derived), actuators)
