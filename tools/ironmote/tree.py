"""Where the files are that run on a device, or describe one: in a checkout, or inside the installed package."""

from dataclasses import dataclass
from pathlib import Path

import mote


@dataclass(frozen=True)
class Tree:
    """Paths of the device's files."""

    boot: Path
    main: Path
    ussl: Path
    mote: Path  # the package's folder
    firmware: Path  # boards/*.toml, packages.toml
    board: Path  # the simulated board


def find() -> Tree:
    """The tree that belongs to this code."""
    here = Path(__file__).resolve().parent
    checkout = here.parent.parent
    packaged = here / "_device"
    package = Path(next(iter(mote.__path__))).resolve()
    if packaged.is_dir():
        return Tree(
            packaged / "boot.py",
            packaged / "main.py",
            packaged / "lib" / "ussl.py",
            package,
            packaged / "firmware",
            packaged / "board",
        )
    return Tree(
        checkout / "boot.py",
        checkout / "main.py",
        checkout / "lib" / "ussl.py",
        package,
        checkout / "firmware",
        checkout / "tools" / "board",
    )
