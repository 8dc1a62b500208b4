"""Where the store of a fleet's gateway is."""

from pathlib import Path

from ..fleet_folder import Folder
from ..gateway import settings
from ..gateway.database import is_url


def store_of(folder: Folder) -> Path | str:
    """What gateway.toml says, a URL or a file, which is looked for from its folder on. Raises IronmoteError."""
    told = settings.load(folder.paths.gateway_settings, folder.file.id).store
    if told is None:
        return folder.paths.history
    return told if is_url(told) else folder.paths.gateway / told
