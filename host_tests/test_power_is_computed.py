"""What `ironmote power` says of a mote file, and what it says where there is nothing to say."""

import json
from pathlib import Path

import pytest
from ironmote import cli

FILE = """board = "{board}"
sleep_ms = {sleep_ms}
send_every = {every}

[[sensor]]
kind = "bme280"
address = 0x76
names = {{ temperature = "air", humidity = "damp" }}
"""


@pytest.fixture
def power(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*words: str, board: str = "esp8266", sleep_ms: int = 600_000, every: int = 1):
        path = tmp_path / "cellar.toml"
        path.write_text(FILE.format(board=board, sleep_ms=sleep_ms, every=every))
        status = cli.main(["power", str(path), *words])
        return status, *capsys.readouterr()

    return run


def figures(power, *words: str, **fields) -> dict:
    status, out, _ = power("--json", *words, **fields)
    assert status == 0
    found: dict = json.loads(out)
    return found


def test_table_says_that_nothing_was_measured(power):
    status, out, _ = power()
    assert status == 0
    assert out.startswith("a day of cellar, computed, not measured: no board was tried\n")
    for word in (
        "wakings",
        "sessions",
        "bytes up",
        "time awake",
        "flash writes",
        "charge",
        "assumed: ",
        "not counted: ",
    ):
        assert word in out


def test_figures_follow_from_the_settings_and_the_assumptions(power):
    one = figures(power)
    # 600 s of sleep, 0.52 s to wake and read; 1 s to load, 2 s to join, 4 round trips of 0.05 s, 2 s to listen.
    assert one["wakings"] == pytest.approx(86_400 / (600 + 0.52 + 5.2))
    assert one["awake_s"] == pytest.approx(one["wakings"] * 5.72)
    assert one["sessions"] == one["wakings"] == one["records"]
    assert figures(power, "--boot", "0")["awake_s"] == pytest.approx(86_400 / 605.22 * 5.22)
    # Asleep at 20 uA, reading at 15 mA, on the air at 170 mA and receiving at 56 mA.
    charge = (86_400 - one["awake_s"]) * 0.02 + one["wakings"] * 0.52 * 15
    charge += one["air_s"] * 170 + (one["radio_s"] - one["air_s"]) * 56
    assert one["mah"] == pytest.approx(charge / 3600)


def test_batches_save_sessions_bytes_and_charge_and_write_flash_only_where_memory_is_full(power):
    one, few, many = (figures(power, every=every) for every in (1, 5, 100))
    assert one["sessions"] / few["sessions"] == pytest.approx(5, rel=0.05)
    assert one["mah"] > 2 * few["mah"]
    assert one["air_bytes"] > 2 * few["air_bytes"]
    assert one["flash_writes"] == few["flash_writes"] == 0
    assert few["flash_years"] is None
    held = many["held_records"]
    assert 4 <= held < 99
    assert many["flash_writes"] == pytest.approx(99 // (held + 1) * many["sessions"])
    assert many["flash_years"] == pytest.approx(10_000 / (many["flash_writes"] * 2 * 0.05 * 365))
    assert figures(power, board="esp32", every=5)["held_records"] > 2 * held
    assert figures(power, "--every", "5") == few


def test_chip_whose_currents_are_not_known_has_no_charge(power):
    assert figures(power, board="esp32-c3")["mah"] is None
    assert "not known" in power(board="esp32-c3")[1]
    assert figures(power, board="esp32-c3")["held_records"] == figures(power, board="esp32")["held_records"]


def test_chip_that_keeps_nothing_over_a_sleep_sends_at_every_waking_and_writes_its_boot_counter(power):
    found = figures(power, board="pico-w", every=10)
    assert found["sessions"] == found["wakings"] == found["flash_writes"]
    assert "every waking sends" in power(board="pico-w", every=10)[1]


def test_mote_that_never_sleeps_is_one_line(power):
    status, out, said = power(sleep_ms=0)
    assert (status, out) == (1, "")
    assert said.endswith("cellar.toml: it never sleeps deeply, so it has no wakings; give it a sleep_ms\n")
    assert said.count("\n") == 1
