"""What docs/PROTOCOL.md says is enough: a mote and a gateway written from it alone work with ours.

`second_implementation` imports nothing of the project. Here it meets the published vectors, a running gateway behind a
real broker, and a running mote.
"""

import json
import os
import threading
import time
from pathlib import Path

import clients
import pytest
import second_implementation as second
from harness import vectors
from ironmote import rotation
from ironmote.demo.wire import Direction, Kind
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, RecordSeen, RootRotated, StateSeen
from ironmote.gateway.members import successor_of
from running import WAIT_S, Stage, payload_of, will_of
from second_contents import ID, NAME, RESULT, VALUE, Refused, decode, read_record
from second_implementation import DONE, EXPIRED

DUP = 0x08
READINGS = [("temperature", "Cel", 21.37), ("light", "lx", 431.75), ("door", None, True), ("mode", None, "eco")]


def published() -> dict:
    return json.loads(vectors("sealed/sealed_v1.json"))


@pytest.mark.parametrize("vector", published()["messages"], ids=lambda vector: vector["name"])
def test_published_messages_are_made_and_opened(vector: dict):
    keys = [bytes.fromhex(published()[name]) for name in ("seal_key", "master_salt")]
    epoch, kid, plaintext, message = (
        bytes.fromhex(vector[name]) for name in ("id_context", "sender_id", "plaintext", "message")
    )
    assert second.seal(*keys, epoch, kid, vector["sequence"], vector["topic"], plaintext) == message
    assert second.unseal(*keys, message, vector["topic"]) == plaintext
    for other in (vector["topic"] + "x", vector["topic"].replace("/", "/x")):
        with pytest.raises(Refused):
            second.unseal(*keys, message, other)


@pytest.mark.parametrize("vector", published()["tokens"], ids=lambda vector: str(vector["connection"]))
def test_published_passwords_are_made_and_counted(vector: dict):
    key = bytes.fromhex(published()["connect_key"])
    counter = (vector["boot_counter"] << 32) + vector["connection"]
    assert second.password(key, vector["mote"], vector["zone"], counter) == vector["password"]
    judge = second.Authenticator(vector["zone"], {vector["mote"]: ([key], False)})
    assert judge.allows(vector["mote"], vector["mote"], vector["password"])
    assert not judge.allows(vector["mote"], vector["mote"], vector["password"]), "once"


class SecondMote:
    """The mote of the second implementation at a real broker: it answers what it is told as section 3 and 11 say."""

    def __init__(self, stage: Stage, static: bool) -> None:
        of = stage.fleet.motes["cellar"]
        self.stage = stage
        self.static = static
        self.logic = second.Mote("cellar", of.zone, stage.fleet.id, of.root, of.generation, 1)
        self.relay: object = False
        self.heard: list[dict] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.connect()
        self._thread.start()

    def connect(self) -> None:
        logic = self.logic
        password = logic.connect_password(self.static)
        self.client = clients.Client(logic.mote, username=logic.mote, password=password)
        self.client.will(f"sealed/{logic.mote}/state", logic.will())
        endpoint = self.stage.broker.clear
        assert self.client.connect(endpoint.host, endpoint.port)
        assert self.client.subscribe(f"sealed/{logic.mote}/down")
        self.say("state", logic.status())
        self._taken = 0

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self.client.drop()

    def say(self, leaf: str, message: bytes) -> None:
        self.client.publish(f"sealed/{self.logic.mote}/{leaf}", message)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(0.02):
            if time.monotonic() >= due:
                due = time.monotonic() + 0.3
                self.say("up", self.logic.record(READINGS, int(time.time())))
            for _, payload, _ in self.client.messages[self._taken :]:
                self._taken += 1
                if self._hear(payload):
                    break

    def _hear(self, payload: bytes) -> bool:
        """Take a downlink; True where it began a new session."""
        command = self.logic.hear(payload)
        self.heard.append(command)
        generation = self.logic.generation
        self.say("ack", self.logic.judge(command, self._act))
        if self.logic.generation == generation:
            return False
        self.client.disconnect()
        self.logic.begin(self.logic.counter + 1)
        self.connect()
        return True

    def _act(self, name: str, value: object) -> object:
        if name == "!challenge":
            return value
        if name == "!rotate":
            self.logic.rotate(value)
            return None
        if name != "relay":
            raise Refused("no such actuator")
        self.relay = value
        return value


@pytest.mark.parametrize("connect", ["static", "token"])
def test_second_mote_is_heard_challenged_and_commanded_by_the_running_gateway(tmp_path: Path, connect: str):
    stage = Stage(tmp_path, connect=connect)
    mote = None
    try:
        gateway = stage.start_gateway()
        mote = SecondMote(stage, connect == "static")
        record = stage.wait(lambda: [each for each in stage.of(RecordSeen) if each.confirmed])[0]
        assert stage.of(MoteConfirmed) == [MoteConfirmed("cellar", 1)]
        assert [(each.name, each.unit, each.value) for each in record.readings] == READINGS
        status = stage.of(StateSeen)[0].state
        assert (status.online, status.boot, status.connection, status.board) == (True, 1, 1, "second")
        for count, value in enumerate((True, 0.5, "half"), 1):
            gateway.send("cellar", "relay", value)
            ended = stage.wait(lambda count=count: stage.of(CommandEnded)[count - 1 :])[0]
            assert (ended.result, ended.value, mote.relay) == ("done", value, value)
        gateway.send("cellar", "pump", 1)
        ended = stage.wait(lambda: stage.of(CommandEnded)[3:])[0]
        assert (ended.result, ended.why) == ("refused", "no such actuator")
        mote.stop()
        stage.wait(lambda: not stage.of(StateSeen)[-1].state.online)  # its will
        assert not stage.of(MessageRefused)
    finally:
        if mote is not None and mote._thread.is_alive():
            mote.stop()
        stage.close()


def test_second_mote_takes_a_new_root_from_the_running_gateway(tmp_path: Path):
    stage = Stage(tmp_path, connect="token")
    mote = None
    try:
        gateway = stage.start_gateway()
        mote = SecondMote(stage, False)
        stage.wait(lambda: stage.of(MoteConfirmed))
        of = stage.fleet.motes["cellar"]
        rotation.begin(of)
        stage.broker.admit(stage.fleet)
        gateway.rotate("cellar", successor_of(of, stage.fleet.id))
        stage.wait(lambda: stage.of(RootRotated))
        assert stage.of(RootRotated) == [RootRotated("cellar", 2)]
        assert (mote.logic.root, mote.logic.generation) == (of.successor, 2)
        stage.wait(lambda: len(stage.of(MoteConfirmed)) > 1)
        gateway.send("cellar", "relay", True)
        assert [each.result for each in stage.wait(lambda: stage.of(CommandEnded))] == ["done"]
        assert not stage.of(MessageRefused)
    finally:
        if mote is not None:
            mote.stop()
        stage.close()


def test_seal_key_opens_no_session(tmp_path: Path):
    """What a gateway is given is no connect key, nor does one follow from it."""
    stage = Stage(tmp_path, connect="token")
    try:
        of, fleet = stage.fleet.motes["cellar"], stage.fleet.id
        seal_key = second.key_for("seal", of.root, fleet)

        def is_let_in(key: bytes, counter: int) -> bool:
            token = second.password(key, "cellar", of.zone, counter)
            client = clients.Client("cellar", username="cellar", password=token)
            endpoint = stage.broker.clear
            let_in = client.connect(endpoint.host, endpoint.port)
            client.disconnect()
            return let_in

        for key in (seal_key, second.key_for("connect", seal_key, fleet), second.key_for("update", of.root, fleet)):
            assert not is_let_in(key, 1 << 32)
        assert is_let_in(second.key_for("connect", of.root, fleet), 1 << 32)
    finally:
        stage.close()


class SecondGateway:
    """The gateway's sealing side of the second implementation, before a running mote: what the mote says and does."""

    def __init__(self, stage: Stage) -> None:
        root = stage.fleet.motes["cellar"].root
        key = second.key_for("seal", root, stage.fleet.id)
        self.logic = second.Gateway("cellar", stage.fleet.id, {1: key})
        self.said: list[tuple[str, object]] = []
        self._packets = stage.links["cellar"].packets
        self._taken = 0
        (access,) = [each for each in stage.broker.gateway if each.prefix == "sealed"]
        self.client = clients.gateway(access)
        assert self.client.connect(access.host, access.port)

    def listen(self) -> None:
        """Open all that crossed the mote's link upwards since. A packet with DUP was seen before."""
        for direction, packet in list(self._packets)[self._taken :]:
            self._taken += 1
            if direction is not Direction.UP or packet.kind is not Kind.MQTT_PUBLISH:
                continue
            if packet.data[0] & DUP:
                continue
            leaf, plaintext = self.logic.open(packet.topic, payload_of(packet.data))
            read = read_record(plaintext, "cellar") if leaf == "up" else decode(plaintext)
            self.said.append((leaf, read))

    def will(self) -> dict:
        """The last that the mote left with its broker."""
        *_, connect = [packet for _, packet in list(self._packets) if packet.kind is Kind.MQTT_CONNECT]
        return decode(self.logic.open("sealed/cellar/state", will_of(connect.data))[1])

    def wait(self, leaf: str, count: int) -> list:
        deadline = time.monotonic() + WAIT_S
        while True:
            self.listen()
            found = [read for each, read in self.said if each == leaf]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} on {leaf}"
            time.sleep(0.05)

    def command(self, *words: object, **more: object) -> bytes:
        identity, message = self.logic.command(*words, **more)
        self.client.publish("sealed/cellar/down", message)
        return identity


def test_running_mote_obeys_the_second_gateway_and_answers_what_is_stale_with_expired(stage: Stage):
    gateway = SecondGateway(stage)
    stage.mote().start()
    (status,) = gateway.wait("state", 1)
    assert gateway.will() == {"online": False, "boot": 1, "connection": 1}
    assert {name: status[name] for name in ("online", "boot", "connection", "channel", "generation")} == {
        "online": True, "boot": 1, "connection": 1, "channel": "sealed", "generation": 1,
    }  # fmt: skip
    (identity, readings), *_ = gateway.wait("up", 1)
    assert identity == (1, 1, 1)
    assert [each[:2] for each in readings] == [("light", "lx")]

    sent = gateway.command("relay", 1)
    assert gateway.wait("ack", 1)[-1] == {ID: sent, NAME: "relay", VALUE: 1, RESULT: DONE}
    first = gateway.logic.last
    gateway.wait("up", first + 17)  # the mote knows its last 16 uplinks
    stale = gateway.command("relay", 0, anchor=first)
    answer = gateway.wait("ack", 2)[-1]
    assert (answer[ID], answer[RESULT], answer[VALUE]) == (stale, EXPIRED, 1), "and it says what is set"
    gateway.command("relay", 0, identity=stale)
    assert gateway.wait("ack", 3)[-1] == {ID: stale, NAME: "relay", VALUE: 0, RESULT: DONE}, "on a fresh anchor"
    gateway.command("relay", 0, identity=sent)
    assert gateway.wait("ack", 4)[-1][VALUE] == 1, "an id that was obeyed is answered again and not obeyed"

    value = os.urandom(16)
    asked = gateway.command("!challenge", value)
    assert gateway.wait("ack", 5)[-1] == {ID: asked, NAME: "!challenge", VALUE: value, RESULT: DONE}


def test_running_mote_takes_a_new_root_from_the_second_key_store(stage: Stage):
    gateway = SecondGateway(stage)
    lamp = {"kind": "dimmer", "name": "lamp", "pin": 13, "safe": 0}
    brighter = {"kind": "light", "actuator": "lamp", "sensor": "light", "target": 100_000, "hysteresis": 1}
    relay = {"kind": "relay", "name": "relay", "pin": 12, "safe": 0}
    mote = stage.mote(actuators=[relay, lamp], rules=[brighter])
    mote.start()
    gateway.wait("up", 1)
    held = gateway.command("lamp", 2, seconds=3600)
    assert gateway.wait("ack", 1)[-1] == {ID: held, NAME: "lamp", VALUE: 2, RESULT: DONE}
    of, fleet = stage.fleet.motes["cellar"], stage.fleet.id
    root = os.urandom(32)
    update = second.make_update(of.root, fleet, "cellar", root, 2)
    gateway.logic.seal_keys[2] = second.key_for("seal", root, fleet)
    asked = gateway.command("!rotate", update)
    assert gateway.wait("ack", 2)[-1] == {ID: asked, NAME: "!rotate", RESULT: DONE}
    states = gateway.wait("state", 2)
    assert (states[-1]["boot"], states[-1]["generation"]) == (2, 2)
    assert states[-1]["connection"] == 3, "the broker knows the old password only, so the second CONNECT was refused"
    assert list(gateway.logic.seal_keys) == [2], "the old key is retired"
    asked = gateway.command("relay", 1)
    assert gateway.wait("ack", 3)[-1][ID] == asked
    gateway.command("lamp", -1)
    assert gateway.wait("ack", 4)[-1][VALUE] == 2, "no rule has driven it: what a command holds outlives the change"
