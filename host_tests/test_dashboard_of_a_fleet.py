"""`ironmote dashboard` as its owner types it: accounts, certificate, and the page of a fleet whose gateway runs."""

import contextlib
import json
import ssl
import stat
import subprocess
import sys
import time
import types

import fleets
import folder_brokers
import pytest
import real_brokers
from dashboard_visitor import Visitor
from gateway_bench import Client
from gateway_motes import SealingMote
from ironmote.brokers import Endpoint
from ironmote.fleet_folder import Folder
from ironmote.gateway.service import Service
from waits import until

PASSPHRASE = "a passphrase of anna alone"


@pytest.fixture
def root(tmp_path):
    fleets.make(tmp_path / "fleet", {"cellar": "esp8266"})
    return tmp_path / "fleet"


def dashboard(root, *words: object) -> fleets.Done:
    return fleets.ironmote("dashboard", *words, cwd=root)


def add(root, role: str, passphrase: str = PASSPHRASE) -> fleets.Done:
    """Make anna's account."""
    path = fleets.private(root.parent / "passphrase", passphrase + "\n")
    return dashboard(root, "--add-user", "anna", "--role", role, "--account-passphrase-file", path)


def test_nobody_may_sign_in_until_somebody_says_who(root):
    assert dashboard(root, "--certify").status == 0
    first = dashboard(root)
    assert first.status == 1
    assert "--add-user NAME --role administrator makes the first account" in first.errors
    made = add(root, "controller")
    assert (made.status, made.out) == (0, "anna may sign in as controller\n")
    assert json.loads(dashboard(root, "--users", "--json").out) == [{"user": "anna", "role": "controller"}]
    path = root / "gateway" / "dashboard" / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSPHRASE not in path.read_text()
    assert dashboard(root, "--remove-user", "anna").status == 0
    assert "no account called 'anna'" in dashboard(root, "--remove-user", "anna").errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--add-user", "anna"], "--role"),
        (["--role", "monitor"], "--add-user"),
        (["--add-user", "anna", "--role", "king"], "no 'king'"),
        (["--add-user", "An na", "--role", "monitor"], "cannot be an account's name"),
        (["--name", "house.lan"], "--name goes with --certify"),
        (["--certify", "--name", "a b"], "not the name or address"),
        ([], "ironmote dashboard --certify issues one"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(root, words, said):
    done = dashboard(root, *words)
    assert done.status != 0
    assert said in done.errors
    assert done.errors.count("\n") == 1
    assert not (root / "gateway" / "dashboard").exists()


def test_short_passphrase_is_refused(root):
    done = add(root, "monitor", "too short")
    assert "at least 12 letters" in done.errors


@pytest.fixture
def site(tmp_path):
    """A fleet in a folder, its Mosquitto and its gateway, and cellar, which is sealed and has said something."""
    real_brokers.require_mosquitto()
    site = folder_brokers.make(tmp_path / "fleet", "mosquitto")
    with contextlib.ExitStack() as stack:
        stack.enter_context(folder_brokers.running(site))
        service = stack.enter_context(Service(Folder.open(site.root)))
        until(lambda: not any(service.gateway.zones.values()))  # what nobody subscribes to is heard by nobody
        with Folder.open(site.root).unlock(fleets.passphrase) as held:
            fleet = held.fleet
        broker = types.SimpleNamespace(clear=Endpoint("127.0.0.1", site.ports[1]))
        mote = SealingMote(fleet, "cellar")
        client = Client(broker, fleet, mote)
        stack.callback(client.close)
        client.publish("state", mote.state())
        client.publish("up", mote.up())
        until(lambda: any("temperature" in each["latest"] for each in service.owner.overview()))
        yield types.SimpleNamespace(root=site.root, service=service, mote=mote, client=client)


def test_page_of_a_fleet_is_served_by_tls_beside_its_gateway(site, tmp_path):
    assert dashboard(site.root, "--certify", "--name", "house.lan").status == 0
    assert add(site.root, "monitor").status == 0
    child = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "dashboard", "--port", "0", "--json"],
        cwd=site.root,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = json.loads(child.stdout.readline())["url"]
        host, port = url.split("/")[2].split(":")
        assert (url.split(":")[0], host) == ("https", "localhost")
        server = types.SimpleNamespace(url=url, port=int(port))
        trusted = ssl.create_default_context(cafile=site.root / "public" / "ca.pem")
        visitor = Visitor(server, trusted)
        assert visitor.get("/").status == 200
        assert visitor.get("/", Host=f"house.lan:{port}").status == 200
        assert visitor.get("/", Host=f"garden.lan:{port}").status == 421
        assert visitor.sign_in("anna", "another passphrase").status == 401
        assert visitor.sign_in("anna", PASSPHRASE).status == 200
        fleet = visitor.get("/api/fleet").json
        cellar = next(mote for mote in fleet["motes"] if mote["id"] == "cellar")
        assert (cellar["channel"], cellar["latest"]["temperature"]["unit"]) == ("sealed", "Cel")
        chart = visitor.get("/api/motes/cellar/history?name=temperature&range=24h").json
        assert [round(point[2], 1) for point in chart["points"]] == [23.7], "from the store"
        wire = visitor.get("/api/motes/cellar/wire").json["messages"]
        assert {message["topic"] for message in wire} >= {"sealed/cellar/up", "sealed/cellar/state"}
        assert visitor.post("/api/motes/cellar/send", {"name": "relay", "value": True}).status == 403
        keys = (site.root / "gateway" / "roster.json").read_text()
        answers = json.dumps([fleet, chart, wire])
        assert not any(mote["seal_key"] and mote["seal_key"] in answers for mote in json.loads(keys)["motes"].values())
    finally:
        child.terminate()
        said = child.communicate(timeout=60)[0]
    assert child.returncode == 130
    assert "anna signed in from 127.0.0.1 as monitor" in said
    assert PASSPHRASE not in said


def test_dashboard_says_that_the_gateway_is_away_and_when_it_is_back(tmp_path):
    from ironmote.dashboard.live import Live
    from ironmote.gateway.hub import Hub
    from ironmote.gateway.line_server import LineServer
    from ironmote.gateway.owner_line import OwnerLine

    class Nobody:
        """A fleet of no motes."""

        def __init__(self):
            self.lines = Hub()
            self.follow = self.lines.add

    def until(condition) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, live.away
            time.sleep(0.02)

    path = tmp_path / "line.sock"
    with contextlib.closing(Live(OwnerLine(path))) as live:
        until(lambda: "ironmote gateway starts it" in live.away)
        page = live.open()
        with LineServer(Nobody(), path):
            until(lambda: live.away == "")
        until(lambda: live.away)
        told = [line["away"] for line in page.take()[0]]
        assert told[0] == "", "open pages are told both"
        assert told[1]
        with LineServer(Nobody(), path):
            until(lambda: live.away == "")
