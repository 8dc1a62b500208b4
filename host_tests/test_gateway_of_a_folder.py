"""ironmote gateway, listen, send, revoke, rotate, provision, remove: as an owner has them, at brokers that run.

The gateway is a process of its own; a mote is one that seals and speaks MQTT, or the device's own code on a simulated
board, provisioned over its serial line.
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import fleets
import gateway_bench
import real_brokers
from folder_brokers import free_ports, join, make, running
from gateway_motes import SealingMote
from ironmote.brokers import Endpoint, mosquitto_files
from ironmote.brokers.mosquitto import find_mosquitto
from ironmote.certificates import Authority
from ironmote.fleet_folder import Folder
from ironmote.gateway.owner_line import OwnerLine
from ironmote.gateway.service import Service
from mote import command

WAIT_S = 60
MOTE = """
board = "esp8266"
channel = "sealed"
sample_ms = 500
[wifi]
ssid = "home"
[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air", humidity = "damp" }
[[actuator]]
kind = "relay"
name = "fan"
pin = 14
safe = 0
"""


class Running:
    """`ironmote gateway --json` in the folder of `site`, and what it has said."""

    def __init__(self, site) -> None:
        self.lines: list[dict] = []
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ironmote", "gateway", "--json"], cwd=site.root, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._more:
                self.lines.append(json.loads(line))
                self._more.notify_all()

    def has(self, **wanted) -> dict | None:
        """A line with these fields, None where there is none."""
        return next((line for line in list(self.lines) if wanted.items() <= line.items()), None)

    def hears(self, **wanted) -> dict:
        """A line with these fields, once there is one."""
        with self._more:
            assert self._more.wait_for(lambda: self.has(**wanted), WAIT_S), (wanted, self.lines[-8:])
            return self.has(**wanted)

    def connects(self) -> None:
        """Return once it hears both zones."""
        for zone in ("home", "clear"):
            self.hears(event="zone", zone=zone, connected=True)

    def end(self) -> int:
        self.process.terminate()
        status = self.process.wait(WAIT_S)
        self._reader.join()
        return status


@contextlib.contextmanager
def gateway(site):
    told = Running(site)
    try:
        told.hears(event="gateway")
        yield told
    finally:
        status = told.end()
    assert status == 130


def ironmote(site, *words, keys: bool = False) -> fleets.Done:
    return fleets.ironmote(*words, cwd=site.root, typed=fleets.PASSPHRASE if keys else None)


def mote(site, name: str) -> gateway_bench.Client:
    """A sealed mote of the fleet, connected."""
    with Folder.open(site.root).unlock(fleets.passphrase) as held:
        fleet = held.fleet
        sealing = SealingMote(fleet, name, generation=fleet.motes[name].generation)
        where = types.SimpleNamespace(clear=Endpoint("127.0.0.1", site.ports[1]))
        return gateway_bench.Client(where, fleet, sealing)


def sent(site, client, value: str, result: str) -> fleets.Done:
    """`ironmote send cellar fan VALUE`, which the mote answers with `result`."""
    with ThreadPoolExecutor() as other:
        done = other.submit(ironmote, site, "send", "cellar", "fan", value, "--for", "10m")
        order, _ = client.mote.open_command(client.downs.get(timeout=WAIT_S))
        assert (order.name, order.value, order.for_s) == ("fan", True, 600)
        client.publish("ack", client.mote.answer(order, result, int(order.value)))
        return done.result(WAIT_S)


def test_fleet_is_heard_and_commanded_and_changes_while_its_gateway_runs(tmp_path):
    real_brokers.require_mosquitto()
    site = make(tmp_path / "fleet", "mosquitto")
    none = ironmote(site, "send", "cellar", "fan", "on")
    assert (none.status, none.errors) == (1, "ironmote: no gateway runs here; ironmote gateway starts it\n")
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(gateway(site))  # before there is a broker
        stack.enter_context(running(site))
        told.connects()
        second = ironmote(site, "gateway")
        assert (second.status, second.errors.count("\n")) == (1, 1), second
        cellar, attic = (mote(site, name) for name in ("cellar", "attic"))
        stack.callback(cellar.close)
        stack.callback(attic.close)
        cellar.publish("state", cellar.mote.state())
        with ThreadPoolExecutor() as other:
            listening = other.submit(ironmote, site, "listen", "cellar", "--for", "2", "--json")
            while not listening.done():
                for client in (cellar, attic):
                    client.publish("up", client.mote.up())
                time.sleep(0.2)
            said = [json.loads(line) for line in listening.result(WAIT_S).out.splitlines()]
        assert {line["mote"] for line in said} == {"cellar"}
        assert [line["value"] for line in said if line["event"] == "reading"][:2] == [23.7, 585]
        assert told.hears(event="reading", mote="attic", name="light")["record"] == [1, 1]
        told.hears(event="confirmed", mote="cellar")
        done = sent(site, cellar, "on", command.DONE)
        assert (done.status, "cellar did it: fan is on" in done.out) == (0, True), done
        assert sent(site, cellar, "on", command.REFUSED).status == 1
        assert ironmote(site, "send", "nobody", "fan", "on").status == 1

        join(site.root, "shed", "sealed")
        assert ironmote(site, "broker", "reload", keys=True).status == 0
        shed = mote(site, "shed")
        stack.callback(shed.close)
        while not told.has(
            event="reading", mote="shed"
        ):  # Mosquitto throws away what comes before it has read its files
            shed.publish("up", shed.mote.up())
            time.sleep(0.1)
        removed = ironmote(site, "remove", "shed", "--yes", "--json", keys=True)
        assert json.loads(removed.out)["gateway"] == "told", removed

        revoked = ironmote(site, "revoke", "attic", "--yes", "--json", keys=True)
        assert json.loads(revoked.out)["gateway"] == "told", revoked
        told.hears(event="revoked", mote="attic")
        overview = {each["id"]: each for each in OwnerLine(Folder.open(site.root).paths.line).overview()}
        assert {name: each["revoked"] for name, each in overview.items()} == {
            "attic": True, "cellar": False, "kitchen": False, "pantry": False,
        }  # fmt: skip
        assert overview["cellar"]["latest"]["temperature"]["value"] == 23.7
        assert overview["cellar"]["online"]


def test_mote_is_provisioned_until_it_is_heard_rotated_over_the_air_and_put_out(tmp_path):
    site = with_a_board(tmp_path / "fleet")
    with running(site), gateway(site) as told, board(site, tmp_path) as port:
        done = ironmote(site, "provision", "cellar", "--port", port, "--json", keys=True)
        assert (done.status, json.loads(done.out)["heard"]) == (0, True), done
        begun = ironmote(site, "rotate", "cellar", "--within", "0", "--json", keys=True)
        assert (begun.status, json.loads(begun.out)["rotating"]) == (0, True), begun
        done = ironmote(site, "rotate", "cellar", "--json", keys=True)
        assert (json.loads(done.out)["generation"], json.loads(done.out)["rotating"]) == (2, False), done
        told.hears(event="rotated", mote="cellar", generation=2)
        done = ironmote(site, "send", "cellar", "fan", "on", "--json")
        assert (done.status, json.loads(done.out)["value"]) == (0, 1), done
        assert "cellar did it: fan is off" in ironmote(site, "send", "cellar", "fan", "auto").out
        assert "no such actuator; did you mean fan?" in ironmote(site, "send", "cellar", "fann", "on").out
        assert "none of on, off, auto or a number" in ironmote(site, "send", "cellar", "fan", "nan").errors
        file = site.root / "motes" / "cellar.toml"
        file.write_text(re.sub(r"\[\[sensor\]\][^\[]*", "", MOTE))
        done = ironmote(site, "provision", "cellar", "--port", port, keys=True)  # what measures nothing is heard, too
        assert (done.status, "it has no sensors" in done.out) == (0, True), done
        assert ironmote(site, "revoke", "cellar", "--yes", keys=True).status == 0
        told.hears(event="revoked", mote="cellar")
        put_out = ironmote(site, "send", "cellar", "fan", "off")
        assert (put_out.status, "cellar did not do it, the mote was revoked" in put_out.out) == (1, True), put_out


def test_zone_that_gateway_toml_names_takes_the_place_of_the_written_brokers(tmp_path):
    site = make(tmp_path / "fleet", "mosquitto")
    folder = Folder.open(site.root).paths.gateway
    (folder / "gateway.toml").write_text('[[zone]]\nname = "clear"\nhost = "second.lan"\nport = 8884\n')
    service = Service(Folder.open(site.root))
    assert [(each.zone, each.prefix, each.port) for each in service.accesses] == [
        ("home", "mote", site.ports[0]),
        ("clear", "sealed", 8884),
    ]


def test_mote_at_a_broker_of_others_is_heard_and_commanded_beside_the_fleets_own(tmp_path):
    real_brokers.require_mosquitto()
    site = make(tmp_path / "fleet", "mosquitto")
    far = free_ports(2)
    folder = Folder.open(site.root).paths.gateway
    with (site.root / "fleet.toml").open("a") as file:
        file.write(f'[zones.away]\ntrust = "public"\nbrokers = [{{ host = "127.0.0.1", port = {far[1]} }}]\n')
    fleets.private(folder / "word", "swordfish\n")
    (folder / "gateway.toml").write_text(
        f'[[zone]]\nname = "away"\nhost = "127.0.0.1"\nport = {far[0]}\nca = "../far/ca.pem"\n'
        'username = "greenhouse"\npassword_file = "word"\n'
    )
    (site.root / "motes" / "cellar.toml").write_text('zone = "away"\n' + MOTE)
    assert ironmote(site, "broker", "write", keys=True).status == 0
    with running(site), brokers_of_others(site.root / "far", far), gateway(site) as told:
        told.connects()
        told.hears(event="zone", zone="away", connected=True)
        client = mote(types.SimpleNamespace(root=site.root, ports=[0, far[1]]), "cellar")
        with contextlib.closing(client):
            client.publish("up", client.mote.up())
            told.hears(event="reading", mote="cellar", name="temperature", value=23.7)
            told.hears(event="confirmed", mote="cellar")
            assert sent(site, client, "on", command.DONE).status == 0


@contextlib.contextmanager
def brokers_of_others(folder, ports):
    """A Mosquitto that knows nothing of the fleet: TLS with a password, and TCP for anybody."""
    folder.mkdir()
    authority = Authority.create("others")
    made = authority.issue("localhost", ["localhost"], True, ["127.0.0.1"])
    for name, content in (("ca", authority.ca_pem), ("cert", made.cert_pem), ("key", made.key_pem)):
        (folder / f"{name}.pem").write_bytes(content)
    (folder / "users").write_text(f"greenhouse:{mosquitto_files.hash_password('swordfish')}\n")
    (folder / "conf").write_text(
        f"user root\nper_listener_settings true\nlistener {ports[0]} 127.0.0.1\npassword_file {folder}/users\n"
        f"certfile {folder}/cert.pem\nkeyfile {folder}/key.pem\nlistener {ports[1]} 127.0.0.1\nallow_anonymous true\n"
    )
    child = subprocess.Popen(
        [find_mosquitto(), "-c", folder / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        child.terminate()
        child.wait(WAIT_S)


def with_a_board(root) -> types.SimpleNamespace:
    """A fleet of one mote that was never provisioned, and its broker: NATS, which takes both of a mote's keys."""
    folder = fleets.make(root, {"cellar": "esp8266"})
    folder.paths.mote("cellar").write_text(MOTE)
    with folder.unlock(fleets.passphrase) as held:
        held.secrets.wifi["home"] = "swordfish under the sea"
        held.save()
    ports = free_ports(4)
    text = (root / "fleet.toml").read_text().replace("192.168.1.2", "127.0.0.1")
    text = text.replace("port = 8883", f"port = {ports[0]}").replace("port = 1883", f"port = {ports[1]}")
    (root / "fleet.toml").write_text(text)
    site = types.SimpleNamespace(root=root, ports=ports)
    places = ["--bind", "127.0.0.1", "--inlet", ports[2], "--inner", ports[3]]
    assert ironmote(site, "broker", "write", "nats", *places, keys=True).status == 0
    return site


@contextlib.contextmanager
def board(site, tmp_path):
    """The serial port of a simulated board of cellar, with nothing on it yet."""
    secret = fleets.private(tmp_path / "passphrase", fleets.PASSPHRASE + "\n")
    words = ["simulate", "cellar", "--serial", "--json", "--passphrase-file", secret]
    child = subprocess.Popen(
        [sys.executable, "-m", "ironmote", *words], cwd=site.root, stdout=subprocess.PIPE, text=True
    )
    try:
        yield json.loads(child.stdout.readline())["port"]
    finally:
        child.terminate()
        child.communicate(timeout=WAIT_S)
