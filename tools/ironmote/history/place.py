"""Where the store of a fleet's gateway is."""

from pathlib import Path

from ..fleet_folder import Folder
from ..gateway import settings


def store_of(folder: Folder) -> Path | str:
    """What gateway.toml says, a URL or a file, which is looked for from its folder on. Raises IronmoteError."""
    return settings.place_of_store(settings.load(folder.paths.gateway_settings, folder.file.id), folder.paths)
