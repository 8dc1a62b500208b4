"""The owner's line, and what a gateway is told of its fleet: what is bounded, what is refused, what is said of it."""

import contextlib
import json
import os
import queue
import socket
import threading
import time
from dataclasses import replace

import pytest
from gateway_bench import Client
from gateway_motes import SealingMote, a_fleet
from ironmote.errors import IronmoteError
from ironmote.gateway import MessageRefused, MoteRevoked, RecordSeen, StateSeen, reasons, roster, settings
from ironmote.gateway import line_server as serving
from ironmote.gateway.hub import Hub
from ironmote.gateway.line_server import LineServer
from ironmote.gateway.overview import Overview
from ironmote.gateway.owner_line import NoGateway, OwnerLine
from ironmote.gateway.roster import Roster, RosterError, RosterFile
from ironmote.gateway.state import State
from ironmote.gateway.wire_tap import Wired, WireTap
from ironmote.history.reader import Latest, Status
from mote.record import Reading

FLEET = bytes(range(16))


class AnOwner:
    """What a line server serves, without a gateway."""

    def __init__(self) -> None:
        self.lines: Hub = Hub()
        self.follow = self.lines.add
        self.given_up = threading.Event()

    def overview(self):
        return [{"id": "cellar", "online": True}]

    def send(self, **what):
        if what["mote"] == "sleeper":
            assert until(what["given_up"])
            self.given_up.set()
        raise IronmoteError(f"there is no mote called {what['mote']}")

    def ask(self, do, **what):
        return [do, what]


@pytest.fixture
def served(tmp_path):
    owner = AnOwner()
    with LineServer(owner, tmp_path / "line.sock"):
        yield owner, OwnerLine(tmp_path / "line.sock"), tmp_path / "line.sock"


def until(what) -> bool:
    deadline = time.monotonic() + 20
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


def test_line_answers_and_says_what_is_wrong_in_one_line(served):
    _, line, path = served
    assert line.overview() == [{"id": "cellar", "online": True}]
    assert line.ask("alerts", since=3) == ["alerts", {"since": 3}]
    with pytest.raises(IronmoteError, match="no mote called shed"):
        line.send("shed", "fan", True)
    with pytest.raises(IronmoteError, match="cannot do this"):
        line.ask("overview", what=1)
    assert path.stat().st_mode & 0o077 == 0


def test_nobody_is_there_without_a_gateway_nor_after_one_that_died(tmp_path):
    line = OwnerLine(tmp_path / "line.sock")
    with pytest.raises(NoGateway, match="ironmote gateway starts it"):
        line.overview()
    with socket.socket(socket.AF_UNIX) as died:
        died.bind(str(tmp_path / "line.sock"))
    assert not line.there
    with LineServer(AnOwner(), tmp_path / "line.sock"):
        assert line.there
        with pytest.raises(IronmoteError, match="runs already"), LineServer(AnOwner(), tmp_path / "line.sock"):
            pass
    assert not line.there


def test_line_works_in_a_folder_whose_name_is_too_long_for_a_socket(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with LineServer(AnOwner(), folder / "line.sock"):
        assert OwnerLine(folder / "line.sock").overview()


def test_each_follower_is_told_in_order_and_that_the_gateway_went(tmp_path):
    owner, told = AnOwner(), [queue.SimpleQueue(), queue.SimpleQueue()]
    with LineServer(owner, tmp_path / "line.sock"):
        line = OwnerLine(tmp_path / "line.sock")
        ends = [line.follow(each.put) for each in told]
        for number in range(100):
            owner.lines({"event": "n", "number": number})
        for each in told:
            assert [each.get(timeout=20)["number"] for _ in range(100)] == list(range(100))
        ends[0]()
    assert told[1].get(timeout=20)["event"] == "gone"
    assert told[0].empty()


def test_follower_who_does_not_read_is_dropped_and_delays_nobody(served, monkeypatch):
    owner, line, path = served
    monkeypatch.setattr(serving, "_SLOW_S", 1.0)
    lazy = socket.socket(socket.AF_UNIX)
    with contextlib.closing(lazy):
        lazy.connect(str(path))
        lazy.sendall(b'{"do": "follow"}\n')
        assert until(lambda: owner.lines.heard)
        heard: queue.SimpleQueue = queue.SimpleQueue()
        line.follow(heard.put)
        began = time.monotonic()
        for _ in range(serving.WAITING // 4):
            owner.lines({"event": "n", "text": "x" * 4000})
        assert time.monotonic() - began < 5  # nobody was waited for
        assert heard.get(timeout=20)["event"] == "n"
        assert until(lambda: len(owner.lines._listeners) <= 1)


def test_follower_who_falls_behind_is_told_that_lines_are_missing(served, monkeypatch):
    owner, line, path = served
    monkeypatch.setattr(serving, "WAITING", 10)
    slow = socket.socket(socket.AF_UNIX)
    with contextlib.closing(slow):
        slow.settimeout(20)
        slow.connect(str(path))
        slow.sendall(b'{"do": "follow"}\n')
        assert until(lambda: owner.lines.heard)
        for _ in range(1000):
            owner.lines({"event": "n", "text": "x" * 4000})
        said = b""
        while more := slow.recv(65_536):
            said += more
    assert "some are missing" in json.loads(said.splitlines()[-1])["error"]
    assert until(lambda: not owner.lines.heard)
    assert line.there


def test_who_goes_while_a_sleeper_is_waited_for_takes_nobodys_place(served):
    owner, _, path = served
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b'{"do": "send", "mote": "sleeper", "name": "fan", "value": 1, "within_s": 604800}\n')
        assert not owner.given_up.wait(0.3)
    assert owner.given_up.wait(20)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_strange_lines_and_too_many_clients_end_alone(served):
    _, line, path = served
    nested = b"[" * 200_000 + b"\n"
    for said in (b"no json\n", b"[]\n", b"{" + b" " * 2_000_000, b'{"do": 3}\n', b'{"do": []}\n', nested):
        with socket.socket(socket.AF_UNIX) as other, contextlib.suppress(OSError):
            other.settimeout(20)
            other.connect(str(path))
            other.sendall(said)
            other.recv(100)
    with contextlib.ExitStack() as stack:
        for _ in range(serving.CLIENTS):
            each = stack.enter_context(socket.socket(socket.AF_UNIX))
            each.connect(str(path))
        assert until(lambda: f"{serving.CLIENTS} others" in _answer(line))
    assert until(lambda: _answer(line) == "1")


def _answer(line) -> str:
    try:
        return str(len(line.overview()))
    except IronmoteError as error:
        return str(error)


def test_listener_that_fails_fails_alone():
    hub, heard = Hub(), []

    def fails(event):
        raise RuntimeError("its own trouble")

    ends = [hub.add(each) for each in (fails, heard.append, heard.append)]
    hub(1)
    ends[1]()
    ends[1]()
    hub(2)
    assert heard == [1, 1, 2]


def test_roster_is_read_as_it_was_written_and_a_damaged_one_is_refused_without_its_keys(tmp_path):
    fleet = a_fleet()
    fleet.motes["cellar"].successor = os.urandom(32)
    made, path = roster.of_fleet(fleet), tmp_path / "gateway" / "roster.json"
    assert roster.write(path, made)
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0
    assert roster.read(path) == made
    again = {name: roster.entry(mote, fleet.id, None, made) for name, mote in fleet.motes.items()}
    assert not roster.write(path, Roster(fleet.id, again)), "the same fleet has the same roster"
    file = RosterFile(path)
    assert file.changed() == made
    assert file.changed() is None
    key = made.entries["cellar"].member.seal_key.hex()
    for damaged in (path.read_text()[:-9], path.read_text().replace(key, key[:-2]), "{}", "[]"):
        path.write_text(damaged)
        with pytest.raises(RosterError) as told:
            file.changed()
        assert key[:16] not in str(told.value)
        assert file.changed() is None, "it is looked at again when it has changed"


def test_gateway_takes_up_who_joins_is_revoked_comes_again_and_is_gone(nats):
    fleet, everybody = nats.fleet, roster.of_fleet(nats.fleet).members
    attic = Client(nats.broker, fleet, SealingMote(fleet, "attic"))

    def serve(members):
        assert nats.gateway.admit(members).wait(20)

    def next_of(kind):
        while not isinstance(event := nats.events.get(timeout=20), kind):
            pass
        return event

    def hears(kind):
        time.sleep(0.2)  # its answers to challenges are refused, too
        with contextlib.suppress(queue.Empty):
            while True:
                nats.events.get_nowait()
        attic.publish("up", attic.mote.up())
        return next_of(kind)

    try:
        hears(RecordSeen)
        others = [member for member in everybody if member.id != "attic"]
        serve(others)
        assert hears(MessageRefused).kind == reasons.UNKNOWN
        serve(everybody)
        hears(RecordSeen)
        revoked = [replace(each, revoked=True) if each.id == "attic" else each for each in everybody]
        serve(revoked)
        next_of(MoteRevoked)
        assert hears(MessageRefused).kind == reasons.REVOKED
        serve(everybody)  # an old copy of the fleet
        assert hears(MessageRefused).kind == reasons.REVOKED
        with pytest.raises(IronmoteError):
            nats.gateway.send("nobody", "fan", True)
        again = [replace(each, generation=3) if each.id == "attic" else each for each in everybody]
        serve(again)
        attic.mote.generation = 3
        attic.mote.epoch = bytes([3]) + attic.mote.epoch[1:]
        hears(RecordSeen)
    finally:
        attic.close()


def test_wire_is_kept_of_what_verified_and_no_more_than_a_few(nats):
    fleet = nats.fleet
    cellar = Client(nats.broker, fleet, SealingMote(fleet, "cellar"))
    try:
        payloads = [cellar.mote.up() for _ in range(3)]
        for payload in (*payloads, b"garbage"):
            cellar.publish("up", payload)
        assert until(lambda: any(isinstance(each, MessageRefused) for each in list(nats.events.queue)))
        assert until(lambda: any(each.direction == "down" for each in nats.gateway.seen_on_wire("cellar")))
        seen = nats.gateway.seen_on_wire("cellar")
        assert [each.payload for each in seen if each.record] == payloads
        assert [each.record for each in seen if each.record] == [(1, 1), (1, 2), (1, 3)]
        down = next(each for each in seen if each.direction == "down")  # its challenge
        assert (down.to_json()["transport"], down.topic) == ("tcp", "sealed/cellar/down")
        assert json.dumps([each.to_json() for each in seen])
    finally:
        cellar.close()
    tap = WireTap(each=2, motes=3)
    for number in range(5):
        for _ in range(4):
            tap.keep(f"m{number}", lambda: Wired("up", "clear", "tcp", "t", b"", 0.0))
    assert [len(tap.seen(f"m{number}")) for number in range(5)] == [0, 0, 2, 2, 2]


def test_overview_shows_the_newest_record_though_older_ones_come_later():
    fleet = a_fleet()
    overview = Overview(roster.of_fleet(fleet).entries.values())

    def record(boot, number, value, name="air"):
        overview.take(RecordSeen("cellar", "sealed", boot, number, None, 5.0, (Reading(name, "Cel", value, None),)))

    record(2, 7, 21.0)
    record(1, 90, 3.0)
    record(1, 91, 4.0, "damp")
    for number in range(200):
        record(2, 8 + number, 1.0, f"n{number}")
    cellar = next(each for each in overview.to_json() if each["id"] == "cellar")
    assert (cellar["latest"]["air"]["value"], cellar["boot"]) == (21.0, 2)
    assert cellar["latest"]["damp"]["value"] == 4.0
    assert len(cellar["latest"]) == 64


def test_overview_recalls_what_was_known_before_until_a_mote_is_heard():
    overview = Overview(roster.of_fleet(a_fleet()).entries.values())
    overview.take(RecordSeen("attic", "sealed", 1, 1, None, 5.0, (Reading("air", "Cel", 1.0, None),)))
    for mote in ("cellar", "attic", "nobody"):
        status = Status(mote, 900.0, True, 7, {"free": 3})
        overview.recall(mote, [Latest(mote, "air", "Cel", 20.0, 800.0)], [status])
    found = {each["id"]: each for each in overview.to_json()}
    assert (found["cellar"]["seen"], found["cellar"]["boot"], found["cellar"]["state"]) == (900.0, 7, {"free": 3})
    assert found["cellar"]["latest"] == {"air": {"value": 20.0, "unit": "Cel", "time": 800.0}}
    assert found["cellar"]["online"]
    overview = Overview(roster.of_fleet(a_fleet()).entries.values())
    overview.take(StateSeen("cellar", State(False, 7, 1)))  # its will, which waited at the broker
    overview.recall("cellar", [], [Status("cellar", 900.0, True, 7, {"free": 3})])
    assert not next(each for each in overview.to_json() if each["id"] == "cellar")["online"]
    assert (found["attic"]["latest"]["air"]["value"], found["attic"]["seen"]) == (1.0, 5.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep_day = 3", ":1: keep_day: no such setting; did you mean keep_days?"),
        ("\nkeep_days = 0", ":2: keep_days: a whole number from 1"),
        ('[[zone]]\nname = "away"', ":1: zone[0].host: is missing"),
        ('[[zone]]\nname = "a"\nhost = "h"\ncert = "c.pem"', ":4: zone[0].cert: goes with cert_key"),
        ('[[zone]]\nname = "a"\nhost = "h"\nrepublish = true', ":4: zone[0].republish: goes with prefix"),
        ('[[zone]]\nname = "a"\nhost = "h"\npassword_file = "none"', ":4: zone[0].password_file: No such file"),
        ('[[zone]]\nname = "a"\nhost = "h"\npassword = "secret-word"', "secrets are in the key store, never in this"),
        ('store = "postgresql://u:secret-word@db/m"', "chmod 600"),
        ('store = "mysql://u:secret-word@db/m"', "postgresql://"),
        ("keep_days = ", ":1: "),
    ],
)
def test_settings_say_where_they_are_wrong_and_never_a_password(tmp_path, text, said):
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(settings.SettingsError) as told:
        settings.load(path, FLEET)
    assert said in str(told.value), told.value
    assert "secret-word" not in str(told.value)
    assert "\n" not in str(told.value)


def test_settings_name_further_zones(tmp_path):
    (tmp_path / "word").touch(0o600)
    (tmp_path / "word").write_text("swordfish\n")
    path = tmp_path / "gateway.toml"
    path.write_text('[[zone]]\nname = "away"\nhost = "h"\nusername = "me"\npassword_file = "word"\n')
    (zone,) = settings.load(path, FLEET).zones
    assert not zone.is_trusted
    assert (zone.zone, zone.port, zone.prefix, zone.password, zone.ca_file) == (
        "away",
        8883,
        "sealed",
        "swordfish",
        None,
    )
    assert "swordfish" not in repr(settings.load(path, FLEET))
    assert settings.load(tmp_path / "none", FLEET) == settings.Settings()


def test_what_is_verified_is_said_at_no_further_broker_unless_its_owner_says_so(tmp_path):
    path = tmp_path / "gateway.toml"
    zone = '[[zone]]\nname = "a"\nhost = "h"\nprefix = "mote"\n'
    path.write_text(zone + zone.replace('"a"', '"b"') + "republish = true\n")
    assert [each.is_trusted for each in settings.load(path, FLEET).zones] == [False, True]
