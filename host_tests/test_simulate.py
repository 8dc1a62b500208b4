"""The simulated board as a process: what resets it starts it again, what ends it is said, and nothing stays behind."""

import os
import threading
import time

import pytest
from ironmote import boards, device, interpreter, tree
from ironmote.errors import BoardError
from ironmote.simulate import SimulatedMote
from test_device_files import SETTINGS

CAUSE = "import machine, sys, time\nprint('cause', machine.reset_cause(), 'of', machine.PWRON_RESET)\n"


class Board:
    """A simulated board that runs `main` instead of a mote."""

    def __init__(self, folder, monkeypatch, main, board="esp32"):
        real = tree.find()
        folder.mkdir(exist_ok=True)
        (folder / "boot.py").write_text("")
        (folder / "main.py").write_text(main)
        fake = tree.Tree(folder / "boot.py", folder / "main.py", real.ussl, real.mote, real.firmware, real.board)
        monkeypatch.setattr(device.tree, "find", lambda: fake)
        self._lines = []
        self._changed = threading.Condition()
        settings = SETTINGS | {"sensors": [], "actuators": []}
        secrets = {"wifi": b"password", "root": bytes(32)}
        self.mote = SimulatedMote(boards.load(board), settings, secrets, {}, folder / "board", on_line=self._hear)
        self.mote.build()

    def __enter__(self):
        self.mote.start()
        return self

    def __exit__(self, *_):
        self.mote.stop()

    def _hear(self, line):
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    def says(self, *lines, within_s=15.0):
        """True once the console has shown these lines in this order."""

        def shown():
            rest = iter(list(self._lines))
            return all(any(line in said for said in rest) for line in lines)

        with self._changed:
            return self._changed.wait_for(shown, within_s)

    def ends(self, within_s=15.0):
        deadline = time.monotonic() + within_s
        while self.mote.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.mote.alive


def test_program_that_ends_leaves_the_board_at_its_prompt(tmp_path, monkeypatch):
    with Board(tmp_path, monkeypatch, "print('bye')\n") as board:
        assert board.ends()
        assert board.mote.exit_reason == "its program ended: bye"
        assert board.mote.restarts == 0


def test_exception_is_told_by_its_last_line(tmp_path, monkeypatch):
    with Board(tmp_path, monkeypatch, "raise ValueError('no such thing')\n") as board:
        assert board.ends()
        assert board.mote.exit_reason == "its program ended: ValueError: no such thing"
        assert any("Traceback" in line for line in board.mote.console)


@pytest.mark.parametrize("call", ["machine.reset()", "machine.deepsleep(300)", "machine.soft_reset()", "sys.exit()"])
def test_reset_starts_the_board_again_with_its_cause(tmp_path, monkeypatch, call):
    main = CAUSE + f"if machine.reset_cause() == machine.PWRON_RESET: {call}\nprint('up again')\ntime.sleep(60)\n"
    with Board(tmp_path, monkeypatch, main) as board:
        assert board.says("cause 1 of 1", "cause", "up again")
        assert board.mote.restarts == 1
        assert board.mote.alive


def test_deep_sleep_takes_its_time(tmp_path, monkeypatch):
    main = CAUSE + "if machine.reset_cause() == machine.PWRON_RESET: machine.deepsleep(1500)\ntime.sleep(60)\n"
    with Board(tmp_path, monkeypatch, main) as board:
        assert board.says("cause 1 of 1")
        begin = time.monotonic()
        assert board.says("cause 1 of 1", "cause 4 of 1")
        assert time.monotonic() - begin > 1.4


def test_watchdog_that_is_not_fed_bites(tmp_path, monkeypatch):
    main = CAUSE + (
        "if machine.reset_cause() == machine.PWRON_RESET:\n"
        "    dog = machine.WDT(timeout=500)\n"
        "    for _ in range(10): time.sleep_ms(100); dog.feed()\n"
        "    print('fed for a second')\n"
        "time.sleep(60)\n"
    )
    with Board(tmp_path, monkeypatch, main) as board:
        assert board.says("fed for a second", "watchdog: not fed in time", "cause 3 of 1")
        assert board.mote.restarts == 1


def test_power_cut_and_back_is_a_power_on(tmp_path, monkeypatch):
    with Board(tmp_path, monkeypatch, CAUSE + "time.sleep(60)\n") as board:
        assert board.says("cause 1 of 1")
        board.mote.stop()
        assert not board.mote.alive
        assert board.mote.exit_reason == "stopped"
        board.mote.start()
        assert board.says("cause 1 of 1", "cause 1 of 1")


def test_board_is_started_once(tmp_path, monkeypatch):
    board = Board(tmp_path, monkeypatch, "import time\ntime.sleep(60)\n")
    with board, pytest.raises(BoardError, match="running already"):
        board.mote.start()


def test_stop_leaves_no_process(tmp_path, monkeypatch):
    with Board(tmp_path, monkeypatch, "import time\nprint('up')\ntime.sleep(60)\n") as board:
        assert board.says("up")
        pid = board.mote.pid
        board.mote.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_heap_is_as_tight_as_the_profile_says(tmp_path, monkeypatch):
    sizes = {}
    for name in ("esp32", "esp8266"):
        main = "import gc\nprint('heap', gc.mem_free() + gc.mem_alloc())\n"
        with Board(tmp_path / name, monkeypatch, main, name) as board:
            assert board.ends()
            sizes[name] = int(board.mote.console[-1].split()[1])
    for name, size in sizes.items():
        wanted = boards.load(name).simulated_heap_bytes
        assert 0.97 * wanted < size <= wanted
    assert sizes["esp8266"] < sizes["esp32"]


def test_secrets_are_where_the_chip_keeps_them_and_closed_to_others(tmp_path, monkeypatch):
    main = "import esp32\nbuffer = bytearray(32)\nprint('root', esp32.NVS('ironmote').get_blob('root', buffer))\n"
    board = Board(tmp_path / "esp32", monkeypatch, main)
    with board:
        assert board.says("root 32")
    secret = board.mote.folder / "nvs" / "ironmote" / "root.blob"
    assert secret.stat().st_mode & 0o077 == 0
    assert board.mote.folder.stat().st_mode & 0o077 == 0
    other = Board(
        tmp_path / "esp8266", monkeypatch, "print(open('/secrets/root', 'rb').read() == bytes(32))\n", "esp8266"
    )
    with other:
        assert other.says("True")
    assert not list((other.mote.folder / "nvs").rglob("*.blob"))


def test_secrets_are_in_no_command_line(tmp_path, monkeypatch):
    board = Board(tmp_path, monkeypatch, "")
    words = " ".join(interpreter.board_command(board.mote.profile, board.mote.folder))
    assert "password" not in words
    assert "00" * 32 not in words


@pytest.mark.parametrize(("name", "verify", "room"), [("esp32", True, True), ("esp8266", False, False)])
def test_facts_are_measured_on_the_board(tmp_path, name, verify, room):
    settings = SETTINGS | {"sensors": [], "actuators": []}
    mote = SimulatedMote(boards.load(name), settings, {"wifi": b""}, {}, tmp_path / "board")
    mote.build()
    facts = mote.measure()
    assert facts.verify is verify
    assert facts.room is room
    assert facts.aes is True


def test_building_again_keeps_what_the_board_wrote(tmp_path, monkeypatch):
    board = Board(tmp_path, monkeypatch, "import esp32\nesp32.NVS('ironmote').set_blob('boot0', b'7')\nprint('done')\n")
    with board:
        assert board.says("done")
    board.mote.build()
    assert (board.mote.folder / "nvs" / "ironmote" / "boot0.blob").read_bytes() == b"7"
