"""The commands for a board at a cable, as they are typed: a fleet in a folder, a serial line, a bootloader."""

import hashlib
import json
import os
import struct

import fleets
import pytest
from cable_bench import PASSWORD, bench
from esp32_mock_bootloader import mock_bootloader
from ironmote import boards, firmware_file, flasher, mote_content
from ironmote.errors import BoardError
from ironmote.firmware_file import Firmware
from ironmote.fleet_folder import Folder
from mote import epoch

MOTE = """
board = "esp32"
channel = "sealed"
[wifi]
ssid = "home"
[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air", humidity = "damp" }
[[actuator]]
kind = "relay"
name = "heater"
pin = 19
safe = 0
[[rule]]  # settings nest no deeper than its times
kind = "schedule"
actuator = "heater"
times = [["06:30", 1], ["22:00", 0]]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A fleet with one mote, and a board on a serial line."""
    root = tmp_path_factory.mktemp("site")
    folder = fleets.make(root / "fleet", {"bench": "esp32"})
    folder.paths.mote("bench").write_text(MOTE)
    with folder.unlock(fleets.passphrase) as held:
        held.secrets.wifi["home"] = PASSWORD.decode()
        held.save()
    with bench(root / "board", "esp32") as made:
        yield root / "fleet", made


def command(site, *words):
    typed = fleets.PASSPHRASE if words[0] in ("provision", "image") else None
    return fleets.ironmote(*words, cwd=site[0], typed=typed)


def provision(site):
    done = command(site, "provision", "bench", "--port", site[1].board.port, "--json")
    assert done.status == 0, done
    return json.loads(done.out)


def test_a_mote_of_the_fleet_is_provisioned_watched_and_provisioned_again_without_a_write(site):
    unsaid = site[0] / "motes/bench.toml"
    unsaid.write_text(MOTE.replace("home", "elsewhere"))
    refused = command(site, "provision", "bench", "--port", site[1].board.port)
    assert (refused.status, "ironmote wifi elsewhere" in refused.errors) == (1, True)
    assert site[1].kept() == {}
    unsaid.write_text(MOTE)
    first = provision(site)
    assert (first["channel"], first["generation"], first["secrets"]) == ("sealed", 1, 5)
    site[1].says("bench on esp32: channel sealed")
    again = provision(site)
    assert (again["files"], again["secrets"], again["generation"]) == (0, 0, 1)
    watched = command(site, "monitor", "--port", site[1].board.port, "--until", "link")
    assert watched.status == 0
    assert "link" in watched.out.splitlines()[-1]
    entry = Folder.open(site[0]).entry("bench")
    assert (entry.channel, bool(entry.provisioned)) == ("sealed", True)


def test_a_board_that_lost_its_storage_begins_a_life_under_a_new_key(site):
    before = provision(site)["generation"]
    for name in ("root", *epoch.SLOTS):
        (site[1].folder / f"nvs/ironmote/{name}.blob").unlink()
    (site[1].folder / "flash/settings.cbor").unlink()
    assert provision(site)["generation"] == before + 1
    assert provision(site)["generation"] == before + 1


def test_a_board_that_keeps_its_settings_and_lost_its_keys_or_counters_gets_another_key(site):
    """Settings are no secret and prove nothing; under the same key its boots would be counted anew."""
    before = provision(site)["generation"]
    for name in epoch.SLOTS:
        (site[1].folder / f"nvs/ironmote/{name}.blob").unlink()
    assert provision(site)["generation"] == before + 1


def test_a_key_that_reached_one_board_reaches_no_other_though_the_command_was_killed_right_after(site, monkeypatch):
    """Two boards under one key count their boots from the start each, and would use nonces twice."""
    assert fleets.ironmote("rotate", "bench", "--cable", cwd=site[0]).status == 0

    def killed(*_):
        raise BoardError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(mote_content, "note", killed)
        assert command(site, "provision", "bench", "--port", site[1].board.port).status == 1
    used = (site[1].folder / "nvs/ironmote/root.blob").read_bytes()
    generation = Folder.open(site[0]).entry("bench").generation
    for name in ("root", *epoch.SLOTS):  # as another board
        (site[1].folder / f"nvs/ironmote/{name}.blob").unlink()
    (site[1].folder / "flash/settings.cbor").unlink()
    assert provision(site)["generation"] == generation + 1
    assert (site[1].folder / "nvs/ironmote/root.blob").read_bytes() != used


def test_the_doctor_finds_nothing_on_a_good_board_and_names_the_cure_on_others(site):
    provision(site)
    good = command(site, "doctor", "--port", site[1].board.port, "--json")
    assert good.status == 0, good
    assert [each["about"] for each in json.loads(good.out)] == ["firmware", "memory", "flash", "mote", "channel"]
    (site[1].folder / "flash/lib/mote/app.py").write_text("print('old')\n")
    for name in epoch.SLOTS:
        (site[1].folder / f"nvs/ironmote/{name}.blob").write_bytes(b"torn")
    bad = command(site, "doctor", "--port", site[1].board.port)
    assert bad.status == 1
    assert "/lib/mote/app.py hides the mote's code" in bad.out
    assert "no slot is valid" in bad.out
    assert "do: ironmote provision bench" in bad.out
    (site[1].folder / "flash/settings.cbor").unlink()
    assert "there are no settings" in command(site, "doctor", "--port", site[1].board.port).out


def test_a_traceback_is_shown_with_the_source_that_it_names(site):
    made = site[1]
    provision(site)
    (made.folder / "flash/main.py").write_text(
        "import time\nfrom mote import store\ntime.sleep(1)\nstore.size('/none')\n"
    )
    made.board.pull()
    made.board.plug()
    seen = command(site, "monitor", "--port", made.board.port, "--until", "OSError").out
    assert "    return os.stat(path)[6]\n" in seen


def image(chip_number):
    """An image as esptool checks it: one empty segment's header, and the chip's number."""
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000) + bytes([0xEE, 0, 0, 0]) + struct.pack("<H", chip_number)
    return head.ljust(24, b"\0") + os.urandom(40_000)


def test_firmware_is_written_only_when_vouched_for_and_only_to_its_chip_and_is_read_back(site, tmp_path):
    file = tmp_path / "FIRMWARE.bin"
    file.write_bytes(image(0))
    with mock_bootloader(chip="esp32") as chip:
        refused = command(site, "flash", file, "--board", "esp32", "--port", chip.url())
        assert (refused.status, "nobody vouches for FIRMWARE.bin" in refused.errors) == (1, True)
        assert "another chip" in command(site, "flash", file, "--board", "esp32-c3", "--pin").errors
        pinned = command(site, "flash", file, "--board", "esp32", "--pin")
        assert pinned.status == 0, pinned
        assert hashlib.sha256(file.read_bytes()).hexdigest() in (site[0] / firmware_file.NAME).read_text()
        done = command(site, "flash", file, "--board", "esp32", "--port", chip.url(), "--erase", "--yes")
        assert (done.status, "was read back" in done.out) == (0, True), done
        for board, words in (("esp8266", "nothing was written"), ("esp32-c3", "nothing was written")):
            wrong = command(site, "flash", file, "--board", board, "--port", chip.url())
            assert (wrong.status, words in wrong.errors) == (1, True), wrong
    file.write_bytes(image(0))
    assert "its SHA-256 is another" in command(site, "flash", file, "--board", "esp32").errors


def test_a_chip_that_holds_another_content_than_was_written_is_told(monkeypatch):
    firmware = Firmware(image(0), "ESP32", 0x1000)
    monkeypatch.setattr(flasher.cmds, "write_flash", lambda *_, **__: None)
    with mock_bootloader(chip="esp32") as chip, pytest.raises(BoardError, match=r"(?i)verif|differ|digest|match"):
        flasher.write(chip.url(), boards.load("esp32"), firmware, False)


def test_an_image_is_made_of_a_mote_with_its_secrets_only_where_asked(site, tmp_path):
    table = struct.pack("<2sBBII16sI", b"\xaa\x50", 1, 2, 0x9000, 0x6000, b"nvs", 0)
    file = tmp_path / "IMAGE_BASE.bin"
    file.write_bytes(image(0).ljust(0x7000, b"\0")[:0x7000] + table.ljust(0xC00, b"\xff"))
    assert command(site, "flash", file, "--board", "esp32", "--pin").status == 0
    for secrets in ((), ("--secrets",)):
        out = tmp_path / f"out{len(secrets)}.bin"
        done = command(site, "image", "bench", file, out, *secrets)
        assert done.status == 0, done
        assert (PASSWORD in out.read_bytes()) is bool(secrets)
        assert out.stat().st_mode & 0o077 == 0
