"""What each role may read and publish: at both brokers, for real, and what no role of a fleet can be given."""

import contextlib
import types

import clients
import pytest
import real_brokers
from clients import Client, at, gateway, with_certificate
from ironmote import roles
from ironmote.brokers import rights
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.errors import IronmoteError
from ironmote.fleet import CLEAR, Fleet
from ironmote.roles import ADMINISTRATOR, CONTROLLER, MONITOR, RoleError

GARDENER = {
    "publish": ["mote/kitchen/down", "garden/+/valve"],
    "subscribe": ["mote/kitchen/up", "garden/#"],
}


@pytest.fixture(scope="module", params=real_brokers.BOTH["params"], ids=real_brokers.BOTH["ids"])
def site(request, tmp_path_factory):
    """A running broker of a fleet with a mote on TLS, a sealed one, and a user of each role."""
    real_brokers.require(request.param)
    folder = tmp_path_factory.mktemp("roles")
    fleet, authority = Fleet.create(), Authority.create()
    for name, channel in (("kitchen", "tls"), ("cellar", "sealed"), ("attic", "tls"), ("shed", "sealed")):
        mote = fleet.add(name, "esp32")
        mote.channel, mote.revoked = channel, name in ("attic", "shed")
        if channel == "sealed":
            mote.zone, mote.connect = CLEAR, "static"
    fleet.users = {
        "screen": MONITOR,
        "panel": CONTROLLER,
        "ana": ADMINISTRATOR,
        "gardener": roles.custom("gardener", GARDENER),
        "horn": roles.custom("horn", {"publish": ["horn/now"]}),
    }
    broker = request.param(fleet, authority, folder / "broker")
    broker.start()
    with contextlib.ExitStack() as stack:
        stack.callback(broker.stop)

        def enter(client: Client) -> Client:
            stack.callback(client.disconnect)
            return client

        ca = broker.gateway[0].ca_file
        people = {
            name: enter(at(with_certificate(authority.issue(name), ca, folder, name), broker.trusted))
            for name in (*fleet.users, "kitchen")
        }
        hub = enter(gateway(broker.gateway[0]))
        assert hub.connect(broker.gateway[0].host, broker.gateway[0].port)
        assert hub.subscribe("mote/+/+")
        attic = enter(with_certificate(authority.issue("attic"), ca, folder, "attic"))
        shed = enter(Client("shed", username="shed", password=fleet.motes["shed"].static_password(fleet.id)))
        yield types.SimpleNamespace(
            people=people, hub=hub, broker=broker, nats=isinstance(broker, NatsBroker), attic=attic, shed=shed
        )  # fmt: skip


def heard(site, name: str, topics: tuple[str, ...]) -> set[str]:
    """Which of `topics` reach that user once everybody has said something; each is asked for by its own filter."""
    client = site.people[name]
    for topic in topics:
        client.subscribe(topic)
    mark = name.encode()
    for leaf in ("up", "ack", "state"):
        site.people["kitchen"].publish(f"mote/kitchen/{leaf}", mark)
        site.hub.publish(f"mote/cellar/{leaf}", mark)
    for mote in ("kitchen", "cellar"):
        site.hub.publish(f"mote/{mote}/down", mark)
    site.people["gardener"].publish("garden/south/valve", mark)
    clients.settle()
    return {topic for topic, payload, _ in client.messages if payload == mark}


EVERY = (
    *(f"mote/{mote}/{leaf}" for mote in ("kitchen", "cellar") for leaf in ("up", "ack", "state", "down")),
    "garden/south/valve",
)
UPWARD = {f"mote/{mote}/{leaf}" for mote in ("kitchen", "cellar") for leaf in ("up", "ack", "state")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("screen", UPWARD),
        ("panel", UPWARD),
        ("ana", UPWARD | {"mote/kitchen/down", "mote/cellar/down"}),
        ("gardener", {"mote/kitchen/up", "garden/south/valve"}),
        ("horn", set()),
    ],
)
def test_each_reads_what_its_role_lets_it(site, name: str, expected: set[str]):
    assert heard(site, name, EVERY) == expected


def test_filter_with_a_number_sign_is_granted(site):
    client = site.people["gardener"]
    assert client.subscribe("garden/#")
    client.publish("garden/east/valve", b"open")
    assert client.hears("garden/east/valve", b"open")


@pytest.mark.parametrize(
    ("name", "allowed"), [("screen", ()), ("panel", ("kitchen", "cellar")), ("ana", ("kitchen", "cellar"))]
)
def test_only_who_may_command_does_and_nobody_speaks_for_a_mote(site, name: str, allowed: tuple[str, ...]):
    client, mark = site.people[name], b"by " + name.encode()
    for mote in ("kitchen", "cellar"):
        for leaf in ("up", "ack", "state"):
            client.publish(f"mote/{mote}/{leaf}", mark)
            client.publish(f"mote/{mote}/{leaf}", mark, qos=0, retain=True)
        client.publish(f"mote/{mote}/down", mark)
    clients.settle()
    assert {topic for topic, payload, _ in site.hub.messages if payload == mark} == {
        f"mote/{each}/down" for each in allowed
    }


def test_custom_role_publishes_what_it_names_and_no_more(site):
    client = site.people["gardener"]
    for topic in ("mote/kitchen/down", "mote/cellar/down", "mote/kitchen/up", "garden/x/pump"):
        client.publish(topic, b"by gardener")
    clients.settle()
    assert [message[0] for message in site.hub.messages if message[1] == b"by gardener"] == ["mote/kitchen/down"]
    assert not [message for message in client.messages if message[0] == "garden/x/pump"]


def test_revoked_mote_has_no_rights_left(site):
    assert not site.shed.connect(site.broker.clear.host, site.broker.clear.port)
    entered = site.attic.connect(site.broker.trusted.host, site.broker.trusted.port)
    assert entered is not site.nats, "Mosquitto asks the authority alone, as long as it has no list"
    if entered:
        site.attic.publish("mote/attic/up", b"still here")
        clients.settle()
        assert not [message for message in site.hub.messages if message[0] == "mote/attic/up"]


def test_motes_rights_are_those_of_the_role_sensor():
    mote = Fleet.create().add("kitchen", "esp32")
    mote.channel = "tls"
    assert rights.of_mote(mote) == rights.Rights(
        tuple(each.replace(roles.ID, "kitchen") for each in roles.SENSOR.publish),
        tuple(each.replace(roles.ID, "kitchen") for each in roles.SENSOR.subscribe),
    )
    assert rights.of_gateway(Fleet.create(), "mote") == rights.Rights(roles.GATEWAY.publish, roles.GATEWAY.subscribe)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"publish": ["mote/kitchen/up"]}, "may not publish to mote/kitchen/up"),
        ({"publish": ["mote/+/state"]}, "may not publish"),
        ({"publish": ["sealed/cellar/up"]}, "may not publish"),
        ({"publish": ["mote/#"]}, "may not publish"),
        ({"publish": ["mote/kitchen/+"]}, "may not publish"),
        ({"publish": ["mote/kitchen/down/more"]}, "may not publish"),
        ({"publish": ["mote"]}, "may not publish"),
        ({"publish": ["#"]}, "may not publish"),
        ({"publish": ["+/kitchen/up"]}, "may not publish"),
        ({"publish": ["$SYS/x"]}, "is no topic"),
        ({"subscribe": ["$SYS/#"]}, "is no topic"),
        ({"subscribe": ["a.b"]}, "is no topic"),
        ({"subscribe": ["a//b"]}, "is no topic"),
        ({"subscribe": [""]}, "is no topic"),
        ({"subscribe": ["a/#/b"]}, "is no topic"),
        ({"subscribe": ["a/b+"]}, "is no topic"),
        ({"subscribe": ['a"; }']}, "is no topic"),
        ({"subscribe": ["a\nuser b"]}, "is no topic"),
        ({"subscribe": ["/".join("abcdefghi")]}, "is no topic"),
        ({"subscribe": [1]}, "is no topic"),
        ({"subscribe": "mote/+/up"}, "is a list of at most"),
        ({"subscribe": ["a"] * 65}, "is a list of at most"),
        ({"qos": 2}, "qos is 0 or 1"),
        ({"qos": True}, "qos is 0 or 1"),
        ({"about": 1}, "about is a text"),
        ({"reads": []}, "has no reads"),
        ([], "is not a table"),
    ],
)
def test_role_that_would_give_too_much_or_break_a_brokers_file_is_refused(fields, said: str):
    with pytest.raises(RoleError, match=said) as caught:
        roles.custom("gardener", fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["sensor", "gateway", "administrator", "Gardener", "a.b", "", "x" * 24])
def test_role_of_a_name_that_is_taken_or_none_is_refused(name: str):
    with pytest.raises(RoleError):
        roles.custom(name, {})


def test_mote_cannot_have_the_name_of_a_user():
    fleet = Fleet.create()
    fleet.users["kitchen"] = MONITOR
    with pytest.raises(IronmoteError, match="a user is called kitchen"):
        fleet.add("kitchen", "esp32")
