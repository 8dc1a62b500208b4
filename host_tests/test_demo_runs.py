"""The demo as people and scripts run it: real MicroPython, real brokers, nothing left behind."""

import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import real_brokers
from gateway_motes import processes_naming
from ironmote.demo.screen import NO_TERMINAL
from ironmote.demo.wire import Direction, Kind, Splitter

pytestmark = pytest.mark.long

ROWS = 12


def demo(*arguments: str, tmp: Path, timeout: float = 120) -> tuple[int, list[dict], str]:
    """Exit status, the JSON lines and stderr of `ironmote demo --json …`; fails where anything stays behind."""
    environment = {**os.environ, "TMPDIR": str(tmp)}
    done = subprocess.run(
        [sys.executable, "-m", "ironmote", "demo", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    nothing_left(tmp)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def nothing_left(tmp: Path) -> None:
    assert processes_naming(str(tmp)) == []
    assert [path.name for path in tmp.iterdir() if path.name.startswith("ironmote-")] == []


def of(lines: list[dict], event: str) -> list[dict]:
    return [line for line in lines if line["event"] == event]


def a_recording(folder: Path) -> Path:
    """Values that the parts can feel to their last digit, and no two rows alike."""
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "temperature_c", "humidity_pct", "light_lux"))
        for row in range(ROWS):
            writer.writerow((f"2015-02-02T14:{row:02d}:00", 20.5 + row * 0.25, 40 + row, 100 + 50 * row))
    return path


def check_two_motes(status: int, lines: list[dict], errors: str) -> None:
    assert (status, errors) == (0, "")
    assert lines[-1]["event"] == "summary"
    assert {(line["mote"], line["board"], line["channel"]) for line in of(lines, "channel")} == {
        ("kitchen", "esp32", "tls"),
        ("cellar", "esp8266", "sealed"),
    }
    assert all(line["why"] for line in of(lines, "channel"))
    heard = {(line["mote"], line["name"], line["unit"], line["channel"]) for line in of(lines, "reading")}
    for mote, channel in (("kitchen", "tls"), ("cellar", "sealed")):
        assert (mote, "temperature", "Cel", channel) in heard
        assert (mote, "light", "lx", channel) in heard
    for mote in ("kitchen", "cellar"):
        first = next(line for line in of(lines, "switch") if line["mote"] == mote)
        assert (first["name"], first["value"], first["rule"]) == ("relay", True, "thermostat"), "mornings are cold"
        assert first["felt"] <= 21
    assert sorted((line["mote"], line["command"], line["result"]) for line in of(lines, "command")) == [
        ("cellar", "dimmer", "done"),
        ("kitchen", "dimmer", "done"),
    ]
    assert all(0 < line["ms"] < 5000 for line in of(lines, "command"))
    assert of(lines, "refused") == []
    summary = lines[-1]
    assert summary["readings"] == len(of(lines, "reading"))
    assert (summary["refused"], summary["lost"]) == (0, 0)


def test_two_motes_are_heard_and_obey_over_nats(tmp_path: Path):
    check_two_motes(*demo("--for", "9", tmp=tmp_path))


def test_two_motes_are_heard_and_obey_over_mosquitto(tmp_path: Path):
    real_brokers.require_mosquitto()
    check_two_motes(*demo("--for", "9", "--broker", "mosquitto", tmp=tmp_path))


def test_replayed_values_come_out_in_order_to_the_sensors_resolution(tmp_path: Path):
    recording = a_recording(tmp_path)
    with recording.open(newline="") as file:
        rows = list(csv.DictReader(file))
    status, lines, errors = demo("--replay", str(recording), tmp=tmp_path)
    assert status == 0, errors
    for mote in ("kitchen", "cellar"):
        for name, column, resolution in (
            ("temperature", "temperature_c", 0.02),
            ("humidity", "humidity_pct", 0.1),
            ("light", "light_lux", 0.9),
        ):
            out = [line["value"] for line in of(lines, "reading") if (line["mote"], line["name"]) == (mote, name)]
            assert len(out) == ROWS, (mote, name)
            for value, row in zip(out, rows, strict=True):
                assert abs(value - float(row[column])) <= resolution, (mote, name, value, row)
        on, off = [line for line in of(lines, "switch") if line["mote"] == mote]
        assert (on["name"], on["value"], on["sensor"]) == ("relay", True, "temperature")
        assert off["value"] is False
        assert on["felt"] < 21.25 - 0.02 < off["felt"], "21 and a quarter of a degree, to the sensor's resolution"
    assert lines[-1]["lost"] == 0


@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
def test_captured_messages_sent_again_are_refused(tmp_path: Path, broker: str):
    """NATS asks the authenticator and refuses the CONNECT; Mosquitto compares and does not. The gateway refuses."""
    if broker == "mosquitto":
        real_brokers.require_mosquitto()
    status, lines, errors = demo("--for", "14", "--attack", "--broker", broker, tmp=tmp_path)
    assert status == 0, errors
    tried = [(line["mote"], line["attack"], line["result"]) for line in of(lines, "attack")]
    if broker == "nats":
        assert tried == [
            ("cellar", "a captured CONNECT is sent again", "refused by the broker"),
            ("cellar", "a captured record is slipped into the mote's session", "taken by the broker"),
        ]
    else:
        assert tried == [("cellar", "a captured CONNECT and record are sent again", "let in by the broker")]
    (refused,) = of(lines, "refused")
    assert refused["mote"] == "cellar"
    assert "already taken" in refused["why"]
    assert lines[-1]["refused"] == 1


def test_capture_of_the_clear_link_gives_nothing_away(tmp_path: Path):
    """All bytes of the link, both ways: no value, unit or key in any form, and nothing that equal readings repeat."""
    recording = tmp_path / "same.csv"
    header = "time,temperature_c,humidity_pct,light_lux\n"
    recording.write_text(header + "".join(f"2015-02-02T14:{row:02d}:00,23.7,41.5,585\n" for row in range(ROWS)))
    kept = tmp_path / "kept"
    status, lines, errors = demo("--replay", str(recording), "--keep", str(kept), tmp=tmp_path)
    assert status == 0, errors
    captured = (kept / "wire" / "cellar.up").read_bytes() + (kept / "wire" / "cellar.down").read_bytes()
    assert captured.count(b"sealed/cellar/up") - ROWS in (0, 1), "and that the dimmer was switched, if there was time"

    values = {line["value"] for line in of(lines, "reading") if line["mote"] == "cellar"}
    assert len(values) >= 4
    for value in values:
        for form in (f"{value}".encode(), struct.pack(">f", value), struct.pack("<f", value), struct.pack(">d", value)):
            assert form not in captured or len(form) < 4, value
    for word in (b"cCel", b"c%RH", b"temperature", b"humidity", b"light", b"dimmer", b"online", b"firmware"):
        assert word not in captured, word
    root = (kept / "cellar" / "flash" / "secrets" / "root").read_bytes()
    assert len(root) == 32
    assert not any(root[at : at + 5] in captured for at in range(28))

    splitter = Splitter()
    packets = splitter.feed(Direction.UP, (kept / "wire" / "cellar.up").read_bytes())
    hidden = [packet.data[packet.legible :] for packet in packets if packet.kind is Kind.MQTT_PUBLISH]
    assert len(hidden) > ROWS
    pieces = [hide[at : at + 5] for hide in hidden for at in range(len(hide) - 4)]
    assert len(pieces) == len(set(pieces)), "five bytes of two ciphertexts are the same"


def test_interrupt_ends_cleanly_and_keeps_the_rule_of_the_exit_status(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    commands = 0
    for line in process.stdout:
        commands += json.loads(line)["event"] == "command"
        if commands == 2:
            break
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(rest.splitlines()[-1])["event"] == "summary"
    nothing_left(tmp_path)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_interrupt_before_anything_was_heard_is_no_success(tmp_path: Path, how: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    while not any(path.name.startswith("ironmote-") for path in tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(getattr(signal, how))
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # a second one changes nothing
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"")
    nothing_left(tmp_path)


def test_killed_demo_leaves_no_process_and_no_key(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "demo", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert list(tmp_path.rglob("root"))
    process.kill()
    process.communicate(timeout=10)
    deadline = time.monotonic() + 10
    while (processes_naming(str(tmp_path)) or list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.1)
    nothing_left(tmp_path)


def test_nobody_else_may_read_what_a_demo_keeps(tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o755)
    status, _, errors = demo("--for", "5", "--keep", str(kept), tmp=tmp_path)
    assert status == 0, errors
    assert "holds keys" in errors
    assert kept.stat().st_mode & 0o777 == 0o755, "a folder that its owner made stays as it is"
    open_to_others = [path for path in kept.rglob("*") if path.stat().st_mode & 0o077 and not path.is_symlink()]
    assert open_to_others == []


@pytest.mark.parametrize(
    ("victim", "words"),
    [
        ("cellar", 'cellar died: killed by SIGKILL; its console ended with "'),
        ("broker/clear.conf", '(zone clear) killed by SIGKILL; its log ends with "'),
    ],
)
def test_part_that_dies_is_one_line_and_the_summary_is_still_the_last(tmp_path: Path, victim: str, words: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "demo", "--json", "--keep", str(tmp_path / "kept")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().rstrip(b"\0").endswith(str(tmp_path / "kept" / victim).encode()):
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("ironmote: ")
    assert words in errors
    assert json.loads(rest.splitlines()[-1])["event"] == "summary"
    assert errors.count("\n") == 1
    assert processes_naming(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--replay", "absent.csv"), "absent.csv cannot be read"),
        (("--picture", "x.svg"), "--picture draws the live table"),
        (("--keep", "/proc/self/ironmote"), "cannot be used"),
    ],
)
def test_bad_input_is_one_line_and_a_failure(tmp_path: Path, arguments: tuple[str, ...], words: str):
    status, lines, errors = demo(*arguments, tmp=tmp_path)
    assert status == 1
    assert lines == []
    assert errors.startswith("ironmote: ")
    assert words in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--motes", "0"), ("--for", "soon"), ("--every", "0.1"), ("--broker", "amqtt")])
def test_wrong_option_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]):
    status, lines, errors = demo(*arguments, tmp=tmp_path)
    assert (status, lines) == (2, [])
    assert errors.count("\n") == 1


def test_kept_folder_must_be_new(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    status, _, errors = demo("--keep", str(tmp_path / "mine"), tmp=tmp_path)
    assert status == 1
    assert "is not empty" in errors
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_without_micropython_is_one_line(tmp_path: Path):
    code = (
        "import sys; sys.modules['micropython_module'] = None; "
        "from ironmote import cli; sys.exit(cli.main(['demo', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path), "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ironmote: no MicroPython found")
    assert done.stderr.count("\n") == 1


def test_table_and_picture_of_a_short_run(tmp_path: Path):
    picture = tmp_path / "demo.svg"
    done = subprocess.run(
        [sys.executable, "-m", "ironmote", "demo", "--for", "8", "--verbose", "--picture", str(picture)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "140", "LINES": "50"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("kitchen", "cellar", "TLS 1.", "COSE_Encrypt0", "°C", "first verified reading", "bytes on the board"):
        assert words in done.stdout, words
    assert done.stderr == NO_TERMINAL + "\n"
    assert "<svg" in picture.read_text()
    nothing_left(tmp_path)
