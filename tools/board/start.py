"""Start a simulated board: `micropython start.py <dir> [--code "<python>"]`.

`<dir>` holds the board: `board.json` (the hardware), `flash/` (its file system), `nvs/`, and the
state that outlives a reset. `<dir>/firmware/` holds what its firmware has frozen in, `<dir>/board/`
these modules compiled, where somebody has compiled them; else they are taken from beside this file.
Runs /boot.py and /main.py as a board does, or the code given (at most 254 bytes, as every argument
of MicroPython).

Exit status: 0 main.py ended (a board would sit at its prompt), 1 uncaught exception, 71 reset,
72 deep sleep, 73 soft reset.
"""

import os
import sys

# What no board has, so that nothing can be built on it by mistake.
_NOT_ON_A_BOARD = ("termios", "argparse")
_NOT_ON_ESP8266 = ("esp32", "_thread", "cmath")
_NO_SPACE = 28  # ENOSPC, as littlefs and FAT say it


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
        self._vfs = os.VfsPosix(folder)

    def __getattr__(self, name):
        return getattr(self._vfs, name)

    def open(self, path, mode):
        file = self._vfs.open(path, mode)
        if ("r" in mode and "+" not in mode) or not self.fault:
            return file
        self.use("flash " + path)
        return _Filling(file, self.fault)

    def rename(self, old, new):
        here = os.getcwd()
        self._vfs.chdir("/")
        try:
            self._vfs.rename(old[1:], new[1:])
        finally:
            os.chdir(here)


def _folder(path):
    """True where `path` is a folder."""
    try:
        return bool(os.stat(path)[0] & 0x4000)
    except OSError:
        return False


def _absolute(path):
    return path if path.startswith("/") else os.getcwd() + "/" + path


def _mount(directory, modules):
    """Put the board's file system in the place of the host's; from here on there is no way out."""
    import json

    with open(directory + "/board.json") as file:
        config = json.load(file)
    world = config.get("world") or {"kind": "room"}
    # Open for as long as the board runs: the world reads on in it.
    rows = open(world["rows"], "rb") if world["kind"] == "replay" else None  # noqa: SIM115
    # The tables of the mounts must be whole before the root goes: after it no host path can be named.
    flash = _Disk(directory + "/flash")
    state = _Disk(directory)
    if _folder(directory + "/board"):
        modules = directory + "/board"
    modules = os.VfsPosix(modules)
    firmware = os.VfsPosix(directory + "/firmware") if _folder(directory + "/firmware") else None
    os.umount("/")
    os.mount(flash, "/")
    os.mount(modules, "/.board")
    os.mount(state, "/.state")
    if firmware:
        os.mount(firmware, "/.firmware")
    os.chdir("/")
    sys.path[:] = ["", "/.board", "/.firmware", ".frozen", "/lib"]
    sys.argv[:] = []
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


def _run(config, code):
    """Run the board's files, or `code`; return the exit status."""
    scope = {"__name__": "__main__"}
    try:
        if code is not None:
            exec(code, scope)
            return 0
        for name in ("/boot.py", "/main.py"):
            try:
                os.stat(name)
            except OSError:
                continue
            execfile(name, scope)  # noqa: F821  MicroPython has it
    except SystemExit as error:
        status = error.args[0] if error.args else 0
        if code is not None or status in (71, 72, 73):
            return status
        return 73  # sys.exit() on a board is a soft reset
    except BaseException as error:  # the prompt prints whatever ends a program, KeyboardInterrupt too
        sys.print_exception(error)
        return 1
    return 0


def _start():
    """Start the board that the command line names."""
    modules = _absolute(__file__[: -len("/start.py")] if "/" in __file__ else ".")
    directory = _absolute(sys.argv[1])
    code = sys.argv[3] if sys.argv[2:3] == ["--code"] else None
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

        sys.modules["tls"] = _axtls
        hidden += _NOT_ON_ESP8266
    elif config.get("faults"):
        import _tls_faults

        sys.modules["tls"] = _tls_faults
    if config.get("faults"):
        import _dialled

        flash.fault = _hardware.fault
        flash.use = _hardware.use
        sys.modules["socket"] = _dialled
    _hide(tuple(hidden))
    status = _run(config, code)
    if status == 73:
        _hardware.write("reset_cause", "SOFT_RESET")
    return status


sys.exit(_start())
