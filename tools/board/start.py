"""Start a simulated board: `micropython start.py <dir> [--code "<python>" | --serial reset|soft|raw]`.

`<dir>` holds the board: `board.json` (the hardware), `flash/` (its file system) or `flash.img` (the same as a
littlefs), `nvs/`, and the state that outlives a reset. `<dir>/firmware/` holds what its firmware has frozen in,
`<dir>/board/` these modules compiled, where somebody has compiled them; else they are taken from beside this file.
Runs /boot.py and /main.py as a board does, or the code given (at most 254 bytes, as every argument
of MicroPython).

With `--serial` the terminal on stdin is the board's serial line, and the word says what started the board: a
reset, a soft reset, or one from the raw REPL, after which main.py is not run. When the files have ended it sits
at its prompt, which is the unix port's own, friendly and raw.

Exit status: 0 main.py ended (with `--serial`: a soft reset was asked for at the prompt), 1 uncaught exception,
71 reset, 72 deep sleep, 73 soft reset.
"""

import os as _os  # a board's prompt knows none of the names here, unless they begin so
import sys as _sys

# What no board has, so that nothing can be built on it by mistake.
_NOT_ON_A_BOARD = ("termios", "argparse")
_NOT_ON_ESP8266 = ("esp32", "_thread", "cmath")
_NO_SPACE = 28  # ENOSPC, as littlefs and FAT say it
_RESETS = (71, 72, 73)


class _Filling:
    """A file that is written, on a flash that may be full."""

    def __init__(self, file, fault):
        self._file = file
        self._fault = fault

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        if self._fault("flash") == "full":
            raise OSError(_NO_SPACE)
        return self._file.write(data)


class _Disk:
    """A folder of the host as a file system.

    VfsPosix with a root keeps one buffer for paths, so its rename of one absolute path to another
    finds the second in the place of the first; relative paths go past that buffer.
    """

    fault = None  # asked for the fault on "flash", where there may be faults
    use = None  # told of each file that is written, there too

    def __init__(self, folder):
        self._vfs = _os.VfsPosix(folder)

    def __getattr__(self, name):
        return getattr(self._vfs, name)

    def open(self, path, mode):
        file = self._vfs.open(path, mode)
        if ("r" in mode and "+" not in mode) or not self.fault:
            return file
        self.use("flash " + path)
        return _Filling(file, self.fault)

    def ilistdir(self, path):
        """As boards have it: folders and files, each with its size."""
        base = path + "/" if path and not path.endswith("/") else path
        for name, kind, _ in self._vfs.ilistdir(path):
            yield name, kind, 0, self._vfs.stat(base + name)[6] if kind == 0x8000 else 0

    def rename(self, old, new):
        here = _os.getcwd()
        self._vfs.chdir("/")
        try:
            self._vfs.rename(old[1:], new[1:])
        finally:
            _os.chdir(here)


class _Blocks:
    """A file of the host as the flash under a littlefs."""

    _SIZE = 4096

    def __init__(self, path):
        self._file = open(path, "r+b")  # noqa: SIM115  for as long as the board runs
        self._count = self._file.seek(0, 2) // self._SIZE

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(number * self._SIZE + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        self._file.seek(number * self._SIZE + offset)
        self._file.write(buffer)

    def ioctl(self, what, number):
        if what in (1, 2, 3, 6):  # begin, end, sync, erase: littlefs programs what it has erased, whatever was there
            return self._file.flush() or 0
        return self._count if what == 4 else self._SIZE


def _folder(path):
    """True where `path` is a folder."""
    try:
        return bool(_os.stat(path)[0] & 0x4000)
    except OSError:
        return False


def _there(path):
    """True where `path` is there."""
    try:
        _os.stat(path)
    except OSError:
        return False
    return True


def _absolute(path):
    return path if path.startswith("/") else _os.getcwd() + "/" + path


def _mount(directory, modules):
    """Put the board's file system in the place of the host's; from here on there is no way out."""
    import json

    with open(directory + "/board.json") as file:
        config = json.load(file)
    world = config.get("world") or {"kind": "room"}
    # Open for as long as the board runs: the world reads on in it.
    rows = open(world["rows"], "rb") if world["kind"] == "replay" else None  # noqa: SIM115
    # The tables of the mounts must be whole before the root goes: after it no host path can be named.
    image = directory + "/flash.img"
    flash = _os.VfsLfs2(_Blocks(image)) if _there(image) else _Disk(directory + "/flash")
    state = _Disk(directory)
    if _folder(directory + "/board"):
        modules = directory + "/board"
    modules = _os.VfsPosix(modules)
    firmware = _os.VfsPosix(directory + "/firmware") if _folder(directory + "/firmware") else None
    _os.umount("/")
    _os.mount(flash, "/")
    _os.mount(modules, "/.board")
    _os.mount(state, "/.state")
    if firmware:
        _os.mount(firmware, "/.firmware")
    _os.chdir("/")
    _sys.path[:] = ["", "/.board", "/.firmware", ".frozen", "/lib"]
    _sys.argv[:] = []
    return config, rows, flash


def _hide(names):
    """Make `import` of `names` fail as it fails on firmware without them."""
    import builtins

    real = __import__

    def find(name, *rest):
        if name in names:
            raise ImportError("no module named '%s'" % name)
        return real(name, *rest)

    builtins.__import__ = find


def _execute(name):
    """Run the file `name` where there is one; return the exit status."""
    if not _there(name):
        return 0
    try:
        execfile(name, {"__name__": "__main__"})  # noqa: F821  MicroPython has it
    except SystemExit as error:
        status = error.args[0] if error.args else 0
        return status if status in _RESETS else 73  # sys.exit() on a board is a soft reset
    except BaseException as error:  # the prompt prints whatever ends a program, KeyboardInterrupt too
        _sys.print_exception(error)
        return 1
    return 0


def _run(code):
    """Run the board's files, or `code`; return the exit status."""
    if code is not None:
        try:
            exec(code, {"__name__": "__main__"})
        except SystemExit as error:
            return error.args[0] if error.args else 0
        except BaseException as error:
            _sys.print_exception(error)
            return 1
        return 0
    return _execute("/boot.py") or _execute("/main.py")


def _attend(how):
    """Run the board's files as one with a serial line does; return the exit status, or None to show the prompt.

    A boot.py that fails, or is interrupted, does not keep main.py from running.
    """
    _os.putenv("MICROPYINSPECT", "1")  # when this program has ended, come what may, there is a prompt
    print("rst:0x1 (POWERON_RESET)" if how == "reset" else "MPY: soft reboot")  # what it is heard from: it is up
    status = _execute("/boot.py")
    if status not in _RESETS and how != "raw":
        status = _execute("/main.py")
    if status not in _RESETS:
        return None
    _os.unsetenv("MICROPYINSPECT")
    return status


def _start():
    """Start the board that the command line names."""
    modules = _absolute(__file__[: -len("/start.py")] if "/" in __file__ else ".")
    directory = _absolute(_sys.argv[1])
    code = _sys.argv[3] if _sys.argv[2:3] == ["--code"] else None
    serial = _sys.argv[3] if _sys.argv[2:3] == ["--serial"] else None
    config, rows, flash = _mount(directory, modules)
    import _hardware

    _hardware.power_on(config, rows, code is None)
    if config.get("speed", 1) != 1:
        from _swift import hasten

        hasten(config["speed"])
    hidden = list(_NOT_ON_A_BOARD) + config.get("hide", [])
    if config["chip"] == "rp2040":
        hidden.append("esp32")
    if config["chip"] == "esp8266":
        import _axtls

        _sys.modules["tls"] = _axtls
        hidden += _NOT_ON_ESP8266
    elif config.get("faults"):
        import _tls_faults

        _sys.modules["tls"] = _tls_faults
    if config.get("faults"):
        import _dialled

        if isinstance(flash, _Disk):
            flash.fault = _hardware.fault
            flash.use = _hardware.use
        _sys.modules["socket"] = _dialled
    _hide(tuple(hidden))
    status = _run(code) if serial is None else _attend(serial)
    if status == 73:
        _hardware.write("reset_cause", "SOFT_RESET")
    return status


_status = _start()
if _status is not None:
    _sys.exit(_status)
