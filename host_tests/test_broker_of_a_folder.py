"""A broker that the commands have written from a fleet's folder: it runs, changes under open sessions, and is proven.

Every broker is a process of its own, started as its owner would; what it lets happen is seen by a second client.
"""

import contextlib
import json
import socket
import sys
import time

import fleets
import pytest
import real_brokers
from folder_brokers import certificate, join, make, running, sealed
from ironmote.brokers.check import matches
from ironmote.brokers.written import Written
from ironmote.fleet_folder import Folder
from ironmote.roles import ANY

pytestmark = pytest.mark.long


@pytest.fixture(params=["nats", "mosquitto"])
def site(request, tmp_path):
    if request.param == "mosquitto":
        real_brokers.require_mosquitto()
    return make(tmp_path / "fleet", request.param)


def test_check_finds_all_as_it_should_be_and_each_right_too_many(site):
    with Folder.open(site.root).unlock(fleets.passphrase) as held:
        held.revoke("pantry")
        held.save()
    assert fleets.ironmote("broker", "write", cwd=site.root).status == 0
    with running(site):
        done = fleets.ironmote("broker", "check", "--json", cwd=site.root)
        found = json.loads(done.out)
        assert done.status == 0, [each for each in found if not each["good"]]
        assert {each["does"] for each in found} >= {"connect", "publish", "publish retained", "read"}
        plain = [each for each in found if each["who"] == "a sealed mote" and each["topic"] == "mote/check-sealed/up"]
        assert [each["found"] for each in plain] == ["refused"] * 3
        assert any(each["who"] == "pantry, which was revoked" for each in found) is (site.kind == "mosquitto")
    spoil(site)
    with running(site):
        found = json.loads(fleets.ironmote("broker", "check", "--json", cwd=site.root).out)
    assert {each["topic"] for each in found if each["who"] == "role monitor" and not each["good"]} == {
        f"mote/{name}/down" for name in ("check-tls", "check-sealed", "check-other")
    }
    wrong = {each["who"] for each in found if not each["good"]}
    more = {"a revoked certificate", "a mote with TLS, by WebSockets"}
    assert wrong == {"role monitor"} | (more if site.kind == "mosquitto" else set())


def spoil(site) -> None:
    """Let monitors command motes, as a careless hand would; Mosquitto loses its list, and the rights of a door."""
    if site.kind == "mosquitto":
        path, line = site.folder / "trusted.acl", "user check.monitor\n"
        path.write_text(path.read_text().replace(line, line + "topic write mote/+/down\n"))
        path = site.folder / "mosquitto.conf"
        text = "".join(each for each in path.read_text().splitlines(True) if not each.startswith("crlfile"))
        head, door, rest = text.partition("protocol websockets")
        acl = f"acl_file {site.folder / 'trusted.acl'}\n"
        assert acl in rest
        path.write_text(head + door + rest.replace(acl, "", 1))
    else:
        path = site.folder / "trusted.conf"
        head, user, rest = path.read_text().partition('CN=check.monitor"')
        path.write_text(head + user + rest.replace('publish: { deny: [">"] }', 'publish: ["mote.*.down"]', 1))


def test_motes_come_and_go_while_others_stay_connected(site):
    with running(site), contextlib.ExitStack() as stack:
        here = Written.read(Folder.open(site.root)).place.near
        stays, new = certificate(site, "kitchen"), certificate(site, "shed")
        screen = certificate(site, "dashboard")
        quiet = sealed(site, "cellar")
        for client, port in ((stays, 0), (screen, 0), (quiet, 1)):
            stack.callback(client.disconnect)
            assert client.connect(here, site.ports[port])
        assert screen.subscribe(f"mote/{ANY}/up")
        join(site.root, "shed", "tls")
        assert fleets.ironmote("broker", "reload", cwd=site.root).status == 0
        deadline = time.monotonic() + 10
        while not new.connect(here, site.ports[0]) and time.monotonic() < deadline:
            new = certificate(site, "shed")
        stack.callback(new.disconnect)
        for name, client in (("kitchen", stays), ("shed", new)):
            client.publish(f"mote/{name}/up", b"after")
            assert screen.hears(f"mote/{name}/up", b"after")
        time.sleep(0.5)
        assert stays.connected
        assert quiet.connected


@pytest.mark.parametrize(("name", "port"), [("pantry", 0), ("attic", 1)])
def test_revoked_mote_is_put_out_and_does_not_come_back(site, name, port):
    with running(site), contextlib.ExitStack() as stack:
        here = "127.0.0.1"
        make_client = certificate if port == 0 else sealed
        thief, again = make_client(site, name), make_client(site, name)
        other = (sealed if port else certificate)(site, "cellar" if port else "kitchen")
        for client in (thief, other):
            stack.callback(client.disconnect)
            assert client.connect(here, site.ports[port])
        done = fleets.ironmote("revoke", name, "--yes", "--json", cwd=site.root)
        assert done.status == 0, done.errors
        assert thief.closed()
        time.sleep(0.5)
        assert not again.connect(here, site.ports[port])
        assert other.connected
        assert json.loads(done.out)["session"].startswith("ended")
        entry = json.loads((site.root / "registry" / f"{name}.json").read_text())
        assert entry["revoked"]
        assert entry["generation"] == 2


def test_sealed_mote_gets_two_keys_until_it_was_heard_under_the_new(site):
    done = fleets.ironmote("rotate", "cellar", "--json", cwd=site.root)
    said = json.loads(done.out)
    assert (said["generation"], said["rotating"], "nothing runs" in said["broker"]) == (1, True, True)
    assert "no gateway runs here" in said["said"]
    assert fleets.ironmote("rotate", "cellar", "--heard", 3, cwd=site.root).status == 1
    done = fleets.ironmote("rotate", "cellar", "--heard", 2, "--json", cwd=site.root)
    assert json.loads(done.out)["generation"] == 2
    done = fleets.ironmote("rotate", "kitchen", "--cable", "--json", cwd=site.root)
    assert json.loads(done.out)["generation"] == 2
    refused = fleets.ironmote("rotate", "kitchen", cwd=site.root)
    assert refused.status == 1
    assert "--cable" in refused.errors


def test_nothing_that_is_written_can_be_read_by_others_and_git_takes_none(site):
    for path in (site.root / "brokers").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "/brokers/" in (site.root / ".gitignore").read_text()
    with Folder.open(site.root).unlock(fleets.passphrase) as held:
        static = [held.fleet.motes[name].static_password(held.fleet.id) for name in ("cellar", "attic")]
    for path in site.folder.iterdir():
        assert path.is_dir() or not any(each in path.read_text(errors="replace") for each in static), path


def test_the_same_fleet_writes_the_same_configuration(site):
    names = ["mosquitto.conf", "trusted.acl"] if site.kind == "mosquitto" else ["trusted.conf", "clear.conf"]
    before = [(site.folder / name).read_text() for name in names]
    assert fleets.ironmote("broker", "write", cwd=site.root).status == 0
    assert [(site.folder / name).read_text() for name in names] == before


def test_what_is_missing_is_said_in_one_line(tmp_path):
    fleets.make(tmp_path / "fleet")
    for words, said in (
        (("broker", "write"), "no broker was written yet; ironmote broker write mosquitto does it"),
        (("broker", "check"), "no broker was written yet"),
        (("broker", "write", "emqx"), "no 'emqx'"),
        (("broker", "write", "nats", "--bind", "300.1.1.1"), "'300.1.1.1' is not an address"),
        (("broker", "write", "mosquitto", "--inlet", 8444), "--inlet is not for mosquitto"),
        (("broker", "write", "mosquitto", "--websockets", 8883), "one port, 8883"),
        (("broker", "write", "nats", "--inner", 1883), "one port, 1883"),
    ):
        done = fleets.ironmote(*words, cwd=tmp_path / "fleet")
        assert done.status in (1, 2)
        assert said in done.errors
        assert done.errors.count("\n") == 1


def test_motes_with_shared_keys_need_a_zone_of_their_own(tmp_path):
    real_brokers.require_mosquitto()
    site = make(tmp_path / "fleet", "mosquitto")
    join(site.root, "shed", "tls-psk")
    refused = fleets.ironmote("broker", "write", cwd=site.root)
    assert refused.status == 1
    assert "give it a trusted zone of its own" in refused.errors
    with (site.root / "fleet.toml").open("a") as file:
        file.write('[zones.keys]\ntrust = "trusted"\nbrokers = [{ host = "192.168.1.2", port = 8885 }]\n')
    path = site.root / "motes" / "shed.toml"
    path.write_text('zone = "keys"\n' + path.read_text())
    assert fleets.ironmote("broker", "write", cwd=site.root).status == 0
    assert "listener 8885 127.0.0.1\npsk_hint" in (site.folder / "mosquitto.conf").read_text()
    assert (site.folder / "psk.keys").read_text().startswith("shed:")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="every address 127.x.x.x is there on Linux alone")
def test_every_door_listens_on_the_address_it_was_given_alone(site):
    with running(site):
        for port in site.ports[: 3 if site.kind == "mosquitto" else 4]:
            socket.create_connection(("127.0.0.1", port), 10).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), 10)


def test_websockets_at_an_address_that_they_would_not_heed_are_refused(tmp_path):
    site = make(tmp_path / "fleet", "mosquitto")
    done = fleets.ironmote("broker", "write", "--bind", "fd00::7", cwd=site.root)
    assert done.status == 1
    assert "leave out --websockets" in done.errors


def test_check_of_a_broker_that_does_not_run_says_so(site):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", site.ports[0]))
        done = fleets.ironmote("broker", "check", cwd=site.root)
    assert (done.status, "ironmote broker run" in done.errors) == (1, True)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("mote/+/up", "mote/kitchen/up", True),
        ("mote/+/up", "mote/kitchen/down", False),
        ("mote/+", "mote/kitchen/up", False),
        ("mote/#", "mote", True),
        ("#", "a/b/c", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("a/b", "a", False),
    ],
)
def test_filters_mean_what_mqtt_says(topic_filter, topic, expected):
    assert matches(topic_filter, topic) is expected


def test_user_whose_certificate_was_revoked_is_put_out(site):
    with running(site), contextlib.ExitStack() as stack:
        thief = certificate(site, "dashboard")
        stack.callback(thief.disconnect)
        assert thief.connect("127.0.0.1", site.ports[0])
        done = fleets.ironmote("certificate", "dashboard", "--revoke", "--json", cwd=site.root)
        assert done.status == 0, done.errors
        assert thief.closed()
        assert json.loads(done.out)["session"].startswith("ended")


def test_thief_stays_out_when_the_name_is_used_again(site):
    """The stolen certificate is as good as ever: what was given back is its name, to another board or laptop."""
    thief = {name: certificate(site, name) for name in ("kitchen", "dashboard")}
    assert fleets.ironmote("revoke", "kitchen", "--yes", cwd=site.root).status == 0
    assert fleets.ironmote("remove", "kitchen", "--yes", cwd=site.root).status == 0
    assert fleets.ironmote("certificate", "dashboard", "--revoke", cwd=site.root).status == 0
    join(site.root, "kitchen", "tls")
    assert fleets.ironmote("broker", "write", cwd=site.root).status == 0
    with running(site), contextlib.ExitStack() as stack:
        for name, stolen in thief.items():
            stack.callback(stolen.disconnect)
            assert not stolen.connect("127.0.0.1", site.ports[0]), name
            honest = certificate(site, name)
            stack.callback(honest.disconnect)
            assert honest.connect("127.0.0.1", site.ports[0]), name
