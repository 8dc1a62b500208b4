"""The file system of a device: exactly what would be copied to the board, file by file.

/boot.py /main.py          as they are: firmware looks for these two by name
/lib/mote/**.mpy           what they need, found by following imports, and the drivers that the settings name
/lib/ussl.mpy /lib/umqtt/  what the firmware lacks
/settings.cbor             checked here by the same code that checks it on the device
/pins                      the safe state of every pin that drives something, out of the settings
/ca.der /cert.der          TLS only; the private key is a secret, and secrets do not pass through here
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mote import pins
from mote import settings as device_settings
from mote.actuators import scale

from . import heap, packages, tree
from .boards import Profile
from .compiler import compile_file
from .errors import IronmoteError

_MOTE = "mote"


def build_flash(profile: Profile, settings: Mapping[str, Any], public: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file of the board, by its path on the board.

    `settings` is the dict that mote.settings describes; `public` are further files, such as {"/ca.der": …}.
    Raises IronmoteError on bad settings, CompileError on bad source.
    """
    encoded = _settings(settings)
    heap.check(profile, settings)
    here = tree.find()
    flash = {"/boot.py": here.boot.read_bytes(), "/main.py": here.main.read_bytes()}
    if _MOTE not in profile.frozen:
        flash |= {"/lib/" + path: code for path, code in _mote(profile, here, modules(settings)).items()}
    for name, pin in packages.pins().items():
        if name not in profile.frozen:
            flash |= {"/lib/" + path: code for path, code in _package(profile, name, pin).items()}
    return flash | {"/settings.cbor": encoded, pins.PATH: pins.pack(_safe_pins(settings))} | dict(public)


def frozen_modules(profile: Profile) -> dict[str, bytes]:
    """What the board's firmware holds, for a simulation that has to bring it along: path to .mpy."""
    found: dict[str, bytes] = {}
    if _MOTE in profile.frozen:
        here = tree.find()
        every = sorted(path.relative_to(here.mote.parent).as_posix() for path in here.mote.rglob("*.py"))
        found |= _mote(profile, here, every)
    for name, pin in packages.pins().items():
        if name in profile.frozen:
            found |= _package(profile, name, pin)
    return found


def simulation_modules() -> dict[str, bytes]:
    """The simulated hardware, compiled, by path below the simulation's own folder. start.py is run as it is."""
    root = tree.find().board
    return {
        _compiled(path.relative_to(root).as_posix()): compile_file(path, path.relative_to(root).as_posix(), 3, 63)
        for path in sorted(root.rglob("*.py"))
        if path != root / "start.py"
    }


def _mote(profile: Profile, here: tree.Tree, wanted: Iterable[str]) -> dict[str, bytes]:
    code = {_compiled(module): _compile(profile, here.mote.parent / module, module) for module in wanted}
    return code | {"ussl.mpy": _compile(profile, here.ussl, "ussl.py")}


def _settings(settings: Mapping[str, Any]) -> bytes:
    try:
        encoded: bytes = device_settings.to_cbor(dict(settings))
    except device_settings.SettingsError as error:
        raise IronmoteError(f"settings of {settings.get('mote')!r}: {error}") from error
    return encoded


def _safe_pins(settings: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """What each pin of an actuator of checked settings drives in its safe state, as mote.pins takes it."""
    return [(spec["pin"], *scale.at_rest(spec)) for spec in settings.get("actuators", ())]


def _package(profile: Profile, name: str, pin: packages.Pin) -> dict[str, bytes]:
    folder = packages.fetch(name)
    return {_compiled(module): _compile(profile, folder / module, module) for module in pin.modules}


def _compile(profile: Profile, path: Path, name: str) -> bytes:
    return compile_file(path, name, profile.optimise, profile.small_int_bits)


def _compiled(path: str) -> str:
    return path.removesuffix(".py") + ".mpy"


def modules(settings: Mapping[str, Any]) -> list[str]:
    """The files of the mote package that a device with these settings needs, as paths below the package's parent."""
    here = tree.find()
    wanted = [name for start in (here.boot, here.main) for name in _imports(start)]
    for folder in ("sensors", "actuators", "rules"):
        wanted += [f"{_MOTE}.{folder}.{spec['kind']}" for spec in settings.get(folder, ())]
    return _needed(here, wanted)


def probe(profile: Profile) -> dict[str, bytes]:
    """The files that measuring a board's facts takes, by path on the board: a part of every mote's."""
    if _MOTE in profile.frozen:
        return {}
    here = tree.find()
    return {"/lib/" + path: code for path, code in _mote(profile, here, _needed(here, [f"{_MOTE}.facts"])).items()}


def _needed(here: tree.Tree, wanted: list[str]) -> list[str]:
    """The files of the modules that are `wanted` and of all that these import, as paths below the package's parent."""
    found: dict[str, Path] = {}
    while wanted:
        name = wanted.pop()
        path = _source(here.mote, name)
        if path is None or name in found:
            continue
        found[name] = path
        wanted += _imports(path)
        wanted += [name.rpartition(".")[0]]  # the package it is in
    return sorted(path.relative_to(here.mote.parent).as_posix() for path in found.values())


def _imports(path: Path) -> Iterable[str]:
    """Every name that the file may import of the mote package, whether module or not, lazily or not."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source(package: Path, name: str) -> Path | None:
    head, *rest = name.split(".")
    if head != _MOTE:
        return None
    path = package.joinpath(*rest)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file() and (rest or candidate.name == "__init__.py"):
            return candidate
    return None
