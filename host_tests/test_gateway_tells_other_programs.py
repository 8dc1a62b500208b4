"""A gateway of a fleet's folder tells Home Assistant and Prometheus what it knows, where gateway.toml says so."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import fleets
import pytest
import real_brokers
from gateway_bench import Client as SealedClient
from gateway_motes import SealingMote, taken_port
from ironmote.brokers import Endpoint, process
from ironmote.client import Client
from ironmote.errors import IronmoteError
from ironmote.fleet_folder import Folder
from ironmote.gateway.service import Service
from ironmote.gateway.settings import SettingsError
from ironmote.northbound import tables
from trusted_side import wait

MOTE = """
board = "esp8266"

[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "temperature", humidity = "damp" }

[[actuator]]
kind = "relay"
name = "heater"
pin = 12
safe = 0
"""


@pytest.fixture
def written(tmp_path):
    """A folder with cellar, sealed, and house and panel, who read; its Mosquitto was written."""
    real_brokers.require_mosquitto()
    root, ports = tmp_path / "fleet", [process.choose_port() for _ in range(3)]
    process._release(ports)
    fleets.make(root, {"cellar": "esp8266", "attic": "esp8266"})
    text = (root / "fleet.toml").read_text().replace("port = 8883", f"port = {ports[0]}")
    text = text.replace("port = 1883", f"port = {ports[1]}").replace('connect = "token"', 'connect = "static"')
    text = text.replace("[users]", '[users]\nhouse = "home-assistant"\npanel = "controller"')
    (root / "fleet.toml").write_text(text)
    (root / "motes" / "cellar.toml").write_text(MOTE)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        for name in ("cellar", "attic"):
            held.fleet.motes[name].channel = "sealed"
        held.save()
    for words in (("broker", "write", "mosquitto", "--bind", "127.0.0.1"), ("certificate", "house", "--to", "../house"),
                  ("certificate", "panel", "--to", "../house")):  # fmt: skip
        done = fleets.ironmote(*words, cwd=root)
        assert done.status == 0, done.errors
    return root, ports


@pytest.fixture
def site(written):
    """The same, and its Mosquitto runs."""
    root, ports = written
    broker = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "broker", "run"], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert "runs:" in broker.stdout.readline()
    yield root, ports
    broker.terminate()
    broker.communicate(timeout=30)


@contextlib.contextmanager
def sealed(root, port: int):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        fleet = held.fleet
        client = SealedClient(type("", (), {"clear": Endpoint("127.0.0.1", port)}), fleet, SealingMote(fleet, "cellar"))
    try:
        yield client
    finally:
        client.close()


def told(root, *tables: str) -> None:
    (root / "gateway").mkdir(mode=0o700, exist_ok=True)
    (root / "gateway" / "gateway.toml").write_text("\n".join(tables))


def test_entities_and_metrics_are_there_and_go_with_their_mote(site):
    root, ports = site
    told(root, "[home_assistant]", "[prometheus]", f"port = {ports[2]}")
    door = {"host": "127.0.0.1", "port": ports[0], "certificates": root.parent / "house", "server_name": "broker.home"}
    heard: dict[str, bytes] = {}
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(Folder.open(root)))
        house = stack.enter_context(Client(**door, user="house"))
        house._session._client.message_callback_add(
            "homeassistant/#", lambda _, __, message: heard.__setitem__(message.topic, message.payload)
        )
        house._session._client.subscribe("homeassistant/#", 1)
        panel = stack.enter_context(Client(**door, user="panel"))
        readings = panel.readings()
        cellar = stack.enter_context(sealed(root, ports[1]))
        cellar.publish("state", cellar.mote.state(free=30000, rssi=-60))
        cellar.publish("up", cellar.mote.up(taken=time.time() - 2))
        assert readings.get(20).mote == "cellar"
        sensor = "homeassistant/sensor/ironmote-cellar/temperature/config"
        wait(lambda: sensor in heard)
        config = json.loads(heard[sensor])
        assert config["device_class"] == "temperature"
        assert config["unique_id"].startswith(f"ironmote-{Folder.open(root).file.id.hex()[:8]}-cellar")
        assert json.loads(heard["homeassistant/switch/ironmote-cellar/heater/config"])["name"] == "heater"
        assert "homeassistant/sensor/ironmote-cellar/light/config" not in heard  # its file knows no such reading

        cellar.publish("up", bytes(60))
        wait(lambda: b'ironmote_refused_total{alert="false"' in metrics(ports[2]))
        text = metrics(ports[2])
        for line in (
            b'ironmote_online{mote="cellar"} 1.0',
            b'ironmote_online{mote="attic"} 0.0',
            b'ironmote_records_total{mote="cellar"} 1.0',
            b'ironmote_readings_total{mote="cellar"} 2.0',
            b'ironmote_heap_free_bytes{mote="cellar"} 30000.0',
            b'ironmote_rssi_dbm{mote="cellar"} -60.0',
            b'ironmote_lag_seconds_bucket{le="10.0"} 1.0',
            b'ironmote_records_lost{mote="cellar"} 0.0',
        ):
            assert line in text, line
        for _ in range(2):
            cellar.mote.up()  # lost on its way
        cellar.publish("up", cellar.mote.up())
        wait(lambda: b'ironmote_records_lost{mote="cellar"} 2.0' in metrics(ports[2]))

        done = fleets.ironmote("remove", "cellar", "--yes", cwd=root)
        assert done.status == 0, done.errors
        service.refresh()
        wait(lambda: not any(payload for topic, payload in heard.items() if "ironmote-cellar" in topic))
        assert any(payload for topic, payload in heard.items() if "ironmote-attic" in topic)
    with pytest.raises(urllib.error.URLError):
        metrics(ports[2])


def metrics(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read()


def test_port_that_is_taken_and_a_word_that_is_wrong_are_told(written):
    root, _ = written
    with taken_port() as taken:
        port = taken.getsockname()[1]
        told(root, "[prometheus]", f"port = {port}")
        with pytest.raises(IronmoteError, match=rf"metrics cannot be served at 127\.0\.0\.1:{port}"):
            Service(Folder.open(root)).__enter__()
    told(root, "[prometheus]", "prot = 1")
    with pytest.raises(SettingsError, match=r"gateway\.toml:2: prometheus\.prot"):
        Service(Folder.open(root))


def test_nothing_is_said_again_where_its_owner_wants_none(written):
    root, _ = written
    for table, says in (
        ("[northbound]", True),
        ("[northbound]\njson = true", True),
        ("[northbound]\njson = false", False),
    ):
        told(root, table)
        service = Service(Folder.open(root))
        assert tables.says_json(service.settings.tables) is says
    with service:
        assert service.gateway._outlet is None
