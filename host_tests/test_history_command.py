"""ironmote history: tables for people, JSON for scripts, files for other programs; errors are one line."""

import contextlib
import json
import subprocess
import sys
import time
import types
from pathlib import Path

import fleets
import folder_brokers
import gateway_bench
import psycopg
import pytest
import real_brokers
from gateway_motes import SealingMote
from ironmote.brokers import Endpoint
from ironmote.fleet_folder import Folder
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from mote.record import Reading
from postgres_server import PostgresServer
from waits import until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = fleets.make(tmp_path / "greenhouse", {"cellar": "esp8266", "attic": "esp8266"})
    folder.paths.gateway.mkdir(mode=0o700, exist_ok=True)
    store = Store(folder.paths.history)
    now = time.time()
    with store.transaction():
        store.save_state("cellar", True, (1, 1, 1), now)
        for number in range(1, 61):
            readings = (
                Reading("temperature", "Cel", 20.0 + number / 10, None),
                Reading("mode", None, "\x1b[31mred" if number == 60 else "plain", None),
            )
            store.records.add(
                [NewRecord("cellar", (1, 1, number), now - 3660 + 60 * number, now, "sealed", number, 1, readings)]
            )[0]
        store.add_status("cellar", now, True, 1, json.dumps({"reset": "power", "version": "0.1.0"}))
    store.add_command(b"1" * 8, "cellar", "heater", True, now, now + 9)
    store.end_command(b"1" * 8, "done", True, None, now + 1)
    store.close()
    return tmp_path / "greenhouse"


def history(root: Path, *words: str):
    return fleets.ironmote("history", *words, cwd=root, typed=None)


def test_last_values_and_how_they_were(root: Path):
    done = history(root)
    assert done.status == 0
    lines = done.out.splitlines()
    assert any("temperature" in line and "26.00 °C" in line and "▁" in line and "█" in line for line in lines)
    assert "\x1b" not in done.out
    (found,) = [each for each in json.loads(history(root, "cellar", "--json").out) if each["name"] == "temperature"]
    assert (found["value"], found["unit"], found["lowest"], found["highest"]) == (26.0, "Cel", 20.1, 26.0)


def test_one_reading_over_time(root: Path):
    done = history(root, "cellar", "temperature", "--since", "1h", "--rows", "6")
    assert (done.status, len(done.out.splitlines())) == (0, 7)
    buckets = json.loads(history(root, "cellar", "temperature", "--since", "1h", "--rows", "6", "--json").out)
    assert sum(each["count"] for each in buckets) in (59, 60)
    texts = json.loads(history(root, "cellar", "mode", "--json").out)
    assert texts[-1]["value"] == "\x1b[31mred"
    assert "nothing is stored" in history(root, "cellar", "temperature", "--since", "1s").out


def test_commands_states_and_refusals(root: Path):
    (command,) = json.loads(history(root, "cellar", "--commands", "--json").out)
    assert (command["name"], command["value"], command["result"], command["state"]) == ("heater", True, "done", True)
    assert "heater" in history(root, "cellar", "--commands").out
    assert "power" in history(root, "cellar", "--states").out
    assert history(root, "cellar", "--refused").out == "nothing is stored of that time\n"


def test_export_to_a_file(root: Path, tmp_path: Path):
    done = history(root, "--export", str(tmp_path / "all.csv"))
    assert (done.status, done.out) == (0, f"120 readings in {tmp_path / 'all.csv'}\n")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 121
    assert json.loads(history(root, "attic", "--export", str(tmp_path / "none.csv"), "--json").out)["readings"] == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("celler",), "cellar"),
        (("cellar", "temperture"), "temperature"),
        (("--commands",), "of which mote"),
        (("cellar", "--since", "yesterday"), "is not a time such as"),
        (("--export", "all.xls"), ".csv or .parquet"),
        (("cellar", "temperature", "--export", "all.csv"), "leave"),
    ],
)
def test_what_is_wrong_is_one_line(root: Path, words: tuple[str, ...], error: str):
    done = history(root, *words)
    assert done.status != 0
    assert error in done.errors
    assert len(done.errors.splitlines()) == 1


def test_gateway_of_a_folder_stores_in_a_postgres_and_its_history_is_read(tmp_path: Path, postgres: PostgresServer):
    real_brokers.require_mosquitto()
    site = folder_brokers.make(tmp_path / "fleet", "mosquitto")
    paths = Folder.open(site.root).paths
    url = postgres.new_database("folder")
    fleets.private(paths.gateway_settings, f'store = "{url}"\nname = "first"\nkeep_days = 9\n')
    with contextlib.ExitStack() as stack:
        stack.enter_context(folder_brokers.running(site))
        words = [sys.executable, "-m", "ironmote", "gateway", "--json"]
        gateway = stack.enter_context(subprocess.Popen(words, cwd=site.root, stdout=subprocess.PIPE, text=True))
        stack.callback(gateway.terminate)
        said = (json.loads(line) for line in gateway.stdout)
        zones = set()
        while zones != {"home", "clear"}:
            line = next(said)
            zones |= {line["zone"]} if line.get("connected") else set()
        with Folder.open(site.root).unlock(fleets.passphrase) as held:
            sealing = SealingMote(held.fleet, "cellar", generation=held.fleet.motes["cellar"].generation)
            where = types.SimpleNamespace(clear=Endpoint("127.0.0.1", site.ports[1]))
            client = gateway_bench.Client(where, held.fleet, sealing)
        stack.callback(client.close)
        client.publish("state", client.mote.state())
        client.publish("up", client.mote.up())
        while not (line["event"] == "confirmed" and line["mote"] == "cellar"):
            line = next(said)
        found = json.loads(history(site.root, "cellar", "--json").out)
        assert {each["name"]: each["value"] for each in found} == {"temperature": 23.7, "light": 585}
        (state,) = json.loads(history(site.root, "cellar", "--states", "--json").out)
        assert (state["online"], state["said"]["boot"]) == (True, 1)
        until(lambda: waiting(url) == 0)  # all of it was handed on to the trusted side
    assert not paths.history.exists()


def waiting(url: str) -> int:
    with psycopg.connect(url) as db:
        return db.execute("SELECT COUNT(*) FROM outbox").fetchone()[0]


def test_nothing_stored_yet_says_what_stores(tmp_path: Path):
    fleets.make(tmp_path / "greenhouse")
    done = history(tmp_path / "greenhouse")
    assert (done.status, "ironmote gateway" in done.errors) == (1, True)
