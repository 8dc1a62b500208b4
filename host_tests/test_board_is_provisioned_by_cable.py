"""A board on a serial line becomes a mote, whatever was on it, and wherever the cable is pulled."""

import base64
import hashlib
import json
import logging
import shutil
import traceback

import pytest
from cable_bench import PASSWORD, bench
from ironmote import board_folder, prompt, provision
from ironmote.errors import BoardError, IronmoteError
from ironmote.provision import Held
from mote import epoch, settings

pytestmark = pytest.mark.long

KINDS = ("esp32", "esp8266")
STEPS = {"esp32": 12, "esp8266": 2}  # writes more until each next pull: a blank ESP32 takes many
FEEDS = """
import machine, time
time.sleep(2)  # a mote takes as long before it starts its own
dog = machine.WDT(timeout=400)
print("up")
while True:
    dog.feed()
    time.sleep(0.05)
"""


@pytest.fixture(params=KINDS)
def made(request, tmp_path):
    with bench(tmp_path / "board", request.param) as one:
        yield one


def slots(one):
    names = [f"nvs/ironmote/{name}.blob" if one.profile.nvs else f"flash/secrets/{name}" for name in epoch.SLOTS]
    return [epoch.parse_slot(one.kept()[name]) for name in names]


def test_it_holds_what_a_simulated_board_is_given_and_runs_and_a_second_time_nothing_is_written(made, tmp_path):
    first = made.commission()
    assert (first.choice.channel, first.files > 0, first.secrets) == ("sealed", True, 5)
    given = board_folder.BoardFolder(tmp_path / "given", made.profile)
    given.make({}, {})
    content = made.content(first.choice, None)
    given.provision(provision.plan(content.files, content.secrets))
    here = made.kept()
    for path in (tmp_path / "given").rglob("*"):
        name = path.relative_to(tmp_path / "given").as_posix()
        if path.is_file() and name.startswith(("flash/", "nvs/")) and "boot" not in path.stem:
            # What a new board has not is not erased there.
            assert here.get(name, b"") == path.read_bytes(), name
    made.says(f"bench on {made.profile.name}: channel sealed")
    counted = max(filter(None, slots(made)))
    again = made.commission(heard=lambda: "channel sealed" in made.says("channel sealed"))
    assert (again.files, again.secrets, again.removed, again.heard, made.writes) == (0, 0, 0, True, [])
    assert max(filter(None, slots(made))) >= counted


def test_new_settings_leave_the_boot_counter_and_a_new_life_begins_it_anew(made):
    made.commission()
    made.says("channel sealed")
    made.sample_ms = 2000
    assert (made.commission().files, made.writes) == (1, [settings.PATH, settings.PATH])
    assert max(filter(None, slots(made)))[0] == 1
    made.reprovisioned()
    assert made.commission().secrets >= 2
    made.says("channel sealed")
    assert max(filter(None, slots(made)))[0] == 2


def test_a_cable_pulled_again_and_again_never_leaves_a_mixture_and_the_same_command_goes_on(made, monkeypatch):
    made.commission()
    before = made.kept()
    old = hashlib.sha256(before["flash" + settings.PATH]).digest()
    root = "nvs/ironmote/root.blob" if made.profile.nvs else "flash/secrets/root"
    made.reprovisioned()
    (made.folder / "flash" / "main.py").write_text("# of another version\n")
    shutil.rmtree(made.folder / "flash" / "lib", ignore_errors=True)
    really = prompt.Prompt.run
    left = 0

    def run(self, code):
        nonlocal left
        if code.startswith(("W(", "A(", "E(", "N.", "os.remove")):
            left -= 1
            if left < 0:
                made.board.pull()
        return really(self, code)

    monkeypatch.setattr(prompt.Prompt, "run", run)
    pulls = 0
    while made.commissioned_until_cut() is None:
        pulls += 1
        left = STEPS[made.profile.name] * pulls
        now = made.kept()
        if now.get("flash" + settings.PATH):
            assert hashlib.sha256(now["flash" + settings.PATH]).digest() == old
            assert now[root] == before[root]
        made.board.plug()
    assert pulls > 3
    assert made.kept()[root] == made.mote.root
    made.says("channel sealed")


def test_an_old_module_that_would_hide_a_new_one_is_removed(tmp_path):
    with bench(tmp_path / "board", "esp32") as made:
        (tmp_path / "board/flash/lib/mote/sensors").mkdir(parents=True)
        (tmp_path / "board/flash/lib/mote/sensors/sht4x.py").write_text("raise SystemExit\n")
        (tmp_path / "board/flash/mine.py").write_text("mine\n")
        assert made.commission().removed == 1
        assert "flash/lib/mote/sensors/sht4x.py" not in made.kept()
        assert "flash/mine.py" in made.kept()


def test_a_watchdog_that_runs_does_not_bite_in_the_middle(tmp_path):
    with bench(tmp_path / "board", "esp32") as made:
        (tmp_path / "board/flash/main.py").write_text(FEEDS)
        made.board.pull()
        made.board.plug()
        made.says("up")
        made.pause_s = 0.03
        made.commission()
        made.says("channel sealed")


def test_no_secret_is_printed_logged_or_in_what_is_raised(made, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    made.mote.root = bytes(range(100, 132))
    (made.folder / "faults.json").write_text(json.dumps({"flash": "full"}))
    with pytest.raises(BoardError, match="its flash is full") as full:
        made.commission()
    (made.folder / "faults.json").write_text("{}")
    really = prompt.Prompt.run

    def run(self, code):
        if base64.b64encode(made.mote.root).decode() in code:
            made.board.pull()
        return really(self, code)

    monkeypatch.setattr(prompt.Prompt, "run", run)
    with pytest.raises(BoardError, match="was cut") as cut:
        made.commission()
    monkeypatch.undo()
    made.board.plug()
    made.commission()
    out = capfd.readouterr()
    said = [*traceback.format_exception(full.value), *traceback.format_exception(cut.value), *made.board.console]
    said = "".join([*said, caplog.text, out.out, out.err])
    for secret in (made.mote.root, PASSWORD):
        for form in (secret.hex(), base64.b64encode(secret).decode()[:-4], repr(secret)[2:-1]):
            assert form not in said


def test_a_life_under_a_key_that_the_board_has_had_is_refused(tmp_path):
    with bench(tmp_path / "board", "esp32") as made:
        made.mote.channel = "sealed"
        content = made.content(type("", (), {"channel": "sealed"}), None)
        writes = provision.plan(content.files, content.secrets)
        lived = Held({}, {}, [epoch.slot(1, 9)], [hashlib.sha256(made.mote.root).digest()])
        with pytest.raises(IronmoteError, match="had that root key before"):
            provision.remaining(writes, lived)


def test_a_port_that_is_not_there_and_one_that_says_nothing_are_one_line_each(tmp_path, monkeypatch):
    with pytest.raises(BoardError, match="this port is not there"):
        prompt.Prompt(str(tmp_path / "nothing"))
    monkeypatch.setattr(prompt, "_FRESH_S", 0.5)
    with bench(tmp_path / "board", "esp32") as made:
        made.board._attendant.stop()
        with prompt.Prompt(made.board.port) as silent, pytest.raises(BoardError, match="no prompt of MicroPython"):
            silent.stop()
