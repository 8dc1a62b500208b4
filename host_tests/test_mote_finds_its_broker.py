"""The way to a broker, run: several in order, names that nobody knows, others at its port, refusals, no network."""

import json
import time

import hostile
import pytest
from channel_motes import ChannelMote, add
from hostile import Listener, TlsServer, records
from hostile_broker import CONNECT, PUBLISH, SUBSCRIBE, Gateway, plays
from ironmote import compiler, tree
from ironmote.certificates import Authority
from ironmote.fleet import Fleet

WITHIN_S = 60.0
DOWN = b"sealed/cellar/down"
PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n"


class Site:
    """Motes, and whoever listens at the ports that they are told."""

    def __init__(self, tmp_path):
        self.fleet, self.authority = Fleet.create(), Authority.create()
        self.folder = tmp_path
        self.closes = []
        self.motes = []
        self.gateway = None

    def listens(self, behave):
        made = Listener(behave)
        self.closes.append(made.close)
        return made

    def mote(self, ports, channel="sealed", board="esp8266", name="cellar", host="127.0.0.1", start=True, **change):
        """A mote that is told of brokers at `ports`, switched on."""
        of = add(self.fleet, name, channel, board)
        brokers = [{"host": host, "port": port, "name": "localhost"} for port in ports]
        change = {"sample_ms": 300, "broker": brokers} | change
        made = ChannelMote(self.fleet, of, self.authority, ports[0], self.folder / name, **change)
        made.put("{}")
        self.motes.append(made)
        if start:
            made.board.start()
        return made

    def good(self):
        """What a broker does; its first record is answered with a command to the relay."""

        def script(session, number):
            gateway = self.gateway = self.gateway or Gateway(self.fleet, "cellar")
            ordered = False
            for topic, payload in session.uplinks():
                gateway.sees(payload)
                if topic.endswith(b"/up") and not ordered:
                    ordered = True
                    session.publish(DOWN, gateway.order("relay", 1))

        return plays(script)

    def close(self):
        for mote in self.motes:
            mote.board.stop()
        for close in self.closes:
            close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


def hears(mote, words, times=1):
    """Wait until the console has said it; the mote has not started anew until then."""
    assert mote.waits(lambda: mote.said(words) >= times, WITHIN_S), "\n".join(mote.lines)
    assert mote.board.restarts == 0, mote.lines


def ports_of(mote):
    return [int(line.split()[1]) for line in mote.dialled()]


def test_brokers_are_tried_in_order_and_from_the_first_again_after_a_session(site):
    first, second = site.listens(None), site.listens(None)
    mote = site.mote([first.port, second.port])
    hears(mote, "nobody listens there", 4)
    second.become(site.good())
    hears(mote, "orders: relay done")
    first.become(site.good())
    for link in list(second.links):
        link.socket.close()
    hears(mote, "orders: relay done", 2)
    dialled = ports_of(mote)
    assert dialled[:4] == [first.port, second.port] * 2
    assert dialled[-1] == first.port, "a session that ends begins the order anew"
    assert set(dialled) == {first.port, second.port}
    assert mote.said("connected, session") == 2


def test_second_broker_is_trusted_no_more_than_the_first(site, tmp_path):
    """The first is away; at the second is somebody with a certificate of another name, of another CA, or with none."""
    first = site.listens(None)
    other_name = TlsServer(tmp_path / "name", site.authority.issue("elsewhere", ("elsewhere",), True))
    other_ca = TlsServer(tmp_path / "ca", Authority.create().issue("localhost", ("localhost",), True))
    in_the_clear = site.listens(hostile.says(PORTAL))
    site.closes += [other_name.close, other_ca.close]
    ports = [first.port, other_name.port, other_ca.port, in_the_clear.port]
    mote = site.mote(ports, "tls", "esp32")
    for words in ("carries another name", "is not one to trust", "is not TLS"):
        hears(mote, words, 2)
    assert other_name.heard == other_ca.heard == b""
    for link in in_the_clear.links:
        records(bytes(link.seen))
    assert mote.said("connected") == 0
    relay = TlsServer(tmp_path / "good", site.authority.issue("localhost", ("localhost",), True))
    site.closes.append(relay.close)
    first.become(hostile.relay(relay.port))
    assert mote.waits(lambda: b"MQTT" in relay.heard, WITHIN_S), mote.lines
    assert set(ports_of(mote)) == set(ports)


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_name_that_nobody_knows_is_said_and_asked_for_again(site, board):
    broker = site.listens(site.good())
    mote = site.mote([broker.port], board=board, host="localhost", start=False)
    mote.put(json.dumps({"dns": "gone"}))
    mote.board.start()
    hears(mote, "the host's name is not resolved: Unresolved(-2", 3)
    assert broker.links == []
    mote.put("{}")
    hears(mote, "orders: relay done")


@pytest.mark.parametrize(
    ("channel", "board", "words"),
    [("sealed", "esp8266", "what answers is no MQTT broker"), ("tls", "esp32", "what answers is not TLS")],
)
def test_portal_that_answers_for_everybody_is_said(site, channel, board, words):
    portal = site.listens(hostile.says(PORTAL))
    mote = site.mote([portal.port], channel, board)
    hears(mote, words, 3)
    assert mote.said("no answer in time") == 0, "its first bytes tell"
    assert mote.said("connected") == 0
    if channel == "sealed":
        portal.become(site.good())
        hears(mote, "orders: relay done")


def test_refusals_of_connect_are_told_apart(site):
    """Told that it is not wanted a mote does not hammer; told of an outage it comes back as after any other."""
    counts = dict.fromkeys((1, 2, 3, 4, 5), 0)
    motes = {}

    def refuses(code):
        def script(session, number):
            assert session.take()[0] == CONNECT
            counts[code] += 1
            session.send(bytes((0x20, 2, 0, code)))
            session.take()

        return plays(script)

    for code in counts:
        motes[code] = site.mote([site.listens(refuses(code)).port], name=f"mote-{code}", sample_ms=5000)
    hears(motes[3], "the broker is not available", 4)
    for code, words in (
        (1, "does not speak MQTT 3.1.1"),
        (2, "does not accept this client id"),
        (4, "refuses this user name or password"),
        (5, "does not authorise this mote"),
    ):
        hears(motes[code], words)
        assert counts[code] == 1, "it asked again while the other did four times"


def test_network_that_is_gone_is_not_held_against_the_broker(site):
    broker = site.listens(site.good())
    mote = site.mote([broker.port])
    hears(mote, "orders: relay done")
    mote.put(json.dumps({"wifi": "gone"}))
    hears(mote, "no network: it is gone")
    hears(mote, "no network: not joined: home: not found", 3)
    dialled = len(mote.dialled())
    mote.put("{}")
    hears(mote, "connected, session 2")
    assert len(mote.dialled()) == dialled + 1
    assert mote.said("link: lost") == 0
    assert mote.said("wifi: joined home, time 2") == 1


def test_broker_that_is_gone_is_not_held_against_the_network(site):
    broker = site.listens(None)
    mote = site.mote([broker.port])
    hears(mote, "nobody listens there", 5)
    assert mote.said("wifi: joined") == 1
    assert mote.said("not joined") == 0


def test_next_known_network_is_joined_where_the_first_is_gone(site):
    broker = site.listens(site.good())
    wifi = {"ssid": "home", "more": ["shed"], "pick": "order"}
    mote = site.mote([broker.port], start=False, wifi=wifi)
    mote.board.secrets["wifi1"] = b"another passphrase"
    mote.board.build()
    mote.board.start()
    hears(mote, "wifi: joined home, time 1")
    hears(mote, "orders: relay done")
    mote.put(json.dumps({"wifi": ["home"]}))
    hears(mote, "wifi: joined shed, time 2")
    hears(mote, "connected, session 2")


def test_packet_ids_go_from_the_last_to_the_first_and_are_never_zero(site):
    seen, subscribed = [], []

    def script(session, number):
        session_ids = iter(session.take, None)
        for kind, body in session_ids:
            if kind == CONNECT:
                session.send(b"\x20\x02\0\0")
            elif kind == SUBSCRIBE:
                subscribed.append(int.from_bytes(body[:2], "big"))
                session.send(b"\x90\x03" + body[:2] + b"\x01")
            elif kind == PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                seen.append(int.from_bytes(body[end : end + 2], "big"))
                session.send(b"\x40\x02" + body[end : end + 2])

    mote = site.mote([site.listens(plays(script)).port], start=False)
    # As after some weeks: the counter of the outbox begins near its end.
    text = (tree.find().mote / "outbox.py").read_text()
    assert text.count("self._last_id = 0\n") == 1
    changed = site.folder / "outbox.py"
    changed.write_text(text.replace("self._last_id = 0\n", "self._last_id = 65530\n"))
    profile = mote.board.profile
    made = compiler.compile_file(changed, "mote/outbox.py", profile.optimise, profile.small_int_bits)
    (mote.board.folder / "firmware" / "mote" / "outbox.mpy").write_bytes(made)
    mote.board.start()
    assert mote.waits(lambda: len(seen) >= 12, WITHIN_S), mote.lines
    assert subscribed == [65531]
    assert seen[:9] == [65532, 65533, 65534, 65535, 1, 2, 3, 4, 5]
    assert mote.said("connected, session") == 1


def test_subscription_and_will_are_there_again_in_every_session_and_each_packet_comes_whole(site):
    wills, topics, pieces = [], [], []

    def script(session, number):
        raw = session._socket
        for _ in range(2):
            data = raw.recv(4096)  # CONNECT, then SUBSCRIBE; what comes with it are further packets
            pieces.append(data)
            if data[0] == 0x10:
                wills.append(data)
                raw.sendall(b"\x20\x02\0\0")
            else:
                topics.append(data)
                raw.sendall(b"\x90\x03" + data[2:4] + b"\x01")
        time.sleep(0.05)

    mote = site.mote([site.listens(plays(script)).port])
    assert mote.waits(lambda: len(topics) >= 3, WITHIN_S), mote.lines
    assert all(DOWN in topic for topic in topics)
    assert all(b"sealed/cellar/state" in will for will in wills[:3])
    assert len(set(wills)) == len(wills), "each will is sealed for its connection"
    for data in pieces:
        at, length, shift = 1, 0, 0
        while True:
            length |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        assert len(data) == at + length, "one packet, one write"


def test_message_of_qos_2_ends_the_session_with_words_and_is_not_acknowledged(site):
    def script(session, number):
        for topic, _ in session.uplinks():
            if topic.endswith(b"/up"):
                session.publish(DOWN, b"at most exactly once", flags=0x04)

    mote = site.mote([site.listens(plays(script)).port])
    hears(mote, "the broker sent a message at QoS 2, which was not subscribed")
