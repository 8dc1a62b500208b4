"""The Python client, with threads and with asyncio, and the examples: against real brokers, with roles."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import channel_motes
import pytest
import real_brokers
from clients import at, with_certificate
from ironmote.brokers import endpoint
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.brokers.nats import NatsBroker
from ironmote.client import Client, CommandRefused, NotConnected, aio
from ironmote.fleet import Fleet
from mote import command
from trusted_side import TrustedSide, running, wait

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    real_brokers.require_mosquitto()
    with running(MosquittoBroker, tmp_path_factory.mktemp("client")) as side:
        yield side


@pytest.fixture
def kitchen(side):
    """A mote inside TLS, which says its own JSON and obeys what it is told."""
    mote = with_certificate(side.authority.issue("kitchen"), side.broker.gateway[0].ca_file, side.folder, "kitchen")
    mote.orders = []

    def obey(client, userdata, message):
        order = command.decode_command_json(message.payload)
        mote.orders.append(order)
        result = command.REFUSED if order.name == "pump" else command.DONE
        why = "no such actuator" if order.name == "pump" else None
        answer = command.Answer(order.id, result, order.name, order.value if why is None else None, why)
        client.publish("mote/kitchen/ack", command.encode_answer_json(answer), 1)

    at(mote, side.broker.trusted)
    assert mote.subscribe("mote/kitchen/down")
    mote._mqtt.on_message = obey
    yield mote
    mote.disconnect()


def record(number: int, value: float) -> bytes:
    pack = [{"bn": "kitchen/", "ri": f"1.1.{number}", "bt": 1_795_000_000, "n": "air", "u": "Cel", "v": value}]
    return json.dumps(pack).encode()


def test_readings_of_all_channels_come_once_with_who_verified_them(side: TrustedSide, kitchen):
    with Client(**side.door, user="screen") as fleet:
        feed, of_kitchen = fleet.readings(), fleet.readings("kitchen")
        cellar = side.sealed(boot=1)
        cellar.publish("up", cellar.mote.up(taken=1_795_000_000))
        sealed = [feed.get(10), feed.get(10)]
        for _ in range(2):  # as a broker may deliver it
            kitchen.publish("mote/kitchen/up", record(1, 20.5))
        kitchen.publish("mote/kitchen/up", b"nonsense")
        kitchen.publish("mote/kitchen/up", record(2, 21.5))
        clear = [feed.get(10), feed.get(10)]
        assert [each.value for each in (of_kitchen.get(10), of_kitchen.get(10))] == [20.5, 21.5]
        status = fleet.statuses("cellar").get(10)
        cellar.close()
    assert [(each.mote, each.name, each.value, each.unit) for each in sealed] == [
        ("cellar", "temperature", 23.7, "Cel"),
        ("cellar", "light", 585, "lx"),
    ]
    assert {(each.channel, each.epoch, each.record, each.time) for each in sealed} == {
        ("sealed", 1, (1, 1, 1), 1_795_000_000)
    }
    assert [(each.mote, each.value, each.channel, each.record) for each in clear] == [
        ("kitchen", 20.5, None, (1, 1, 1)),
        ("kitchen", 21.5, None, (1, 1, 2)),
    ]
    assert (status.mote, status.online, status.said["free"]) == ("cellar", True, 30000)
    assert feed.get(1) is None
    assert list(feed) == []


def test_number_that_no_float_holds_ends_no_program(side: TrustedSide, kitchen):
    """A mote inside TLS says what only gateways say, as it likes."""
    with Client(**side.door, user="screen") as fleet:
        feed = fleet.readings("kitchen")
        for number, arrived in enumerate(("1" + "0" * 400, "1e999", "-1", "true"), 1):
            pack = b'[{"bn":"kitchen/","ri":"1.2.%d","n":"air","v":1,"arrived":%s}]' % (number, arrived.encode())
            kitchen.publish("mote/kitchen/up", pack)
        assert [feed.get(20).arrived for _ in range(4)] == [None] * 4


def test_command_ends_as_the_mote_answers_it(side: TrustedSide, kitchen):
    with Client(**side.door, user="panel") as fleet:
        assert fleet.send("kitchen", "relay", True).done
        refused = fleet.send("kitchen", "pump", 1, for_s=60)
        assert (refused.result, refused.why, refused.done) == ("refused", "no such actuator", False)
        assert [(order.name, order.value, order.for_s) for order in kitchen.orders] == [
            ("relay", True, None),
            ("pump", 1, 60),
        ]
        assert kitchen.orders[0].deadline is not None
        cellar = side.sealed(boot=2)
        answering = threading.Thread(target=side.answer, args=(cellar,))
        answering.start()
        outcome = fleet.send("cellar", "relay", True)
        answering.join()
        assert (outcome.result, outcome.value) == ("done", 1)
        cellar.close()
        assert fleet.send("attic", "relay", True, within_s=0.5).result in ("expired", "unknown")
        for name, value in (("relay", float("nan")), ("relay", "x" * 81), ("!rotate", True)):
            with pytest.raises(CommandRefused):
                fleet.send("kitchen", name, value)
        with pytest.raises(CommandRefused):
            fleet.send("Kitchen/+", "relay", True)
    assert len(kitchen.orders) == 2


def test_asyncio_does_the_same(side: TrustedSide, kitchen):
    async def program():
        async with aio.Client(**side.door, user="panel") as fleet:
            feed = fleet.readings("kitchen")
            await feed.begin()
            kitchen.publish("mote/kitchen/up", record(3, 22.5))
            async for reading in feed:
                value = reading.value
                break
            outcomes = await asyncio.gather(
                fleet.send("kitchen", "relay", False), fleet.send("kitchen", "pump", 1), fleet.send("kitchen", "led", 1)
            )
            silent = await fleet.send("attic", "relay", True, within_s=0.5)
        assert [reading async for reading in feed] == []
        return value, [each.result for each in outcomes], silent.result

    value, results, silent = asyncio.run(program())
    assert (value, results) == (22.5, ["done", "refused", "done"])
    assert silent in ("expired", "unknown")


def test_who_has_no_right_or_no_certificate_is_told_so(side: TrustedSide, tmp_path):
    with pytest.raises(NotConnected, match="ironmote certificate stranger --to"):
        Client(**side.door, user="stranger")
    with pytest.raises(NotConnected, match="no broker at"):
        Client(**side.door | {"port": 1}, user="screen").connect()
    with pytest.raises(NotConnected), Client(**side.door, user="screen", server_name="elsewhere.example"):
        pass
    with Client(**side.door, user="screen") as fleet:  # it reads, and may not command
        assert fleet.send("kitchen", "relay", True, within_s=0.5).result == "unknown"


def test_examples_run_as_they_stand(side: TrustedSide, kitchen):
    def start(name: str, *arguments: str) -> subprocess.Popen:
        where = [side.door["host"], str(side.certificates)]
        command_line = [sys.executable, str(EXAMPLES / name), *where, *arguments, "--port", str(side.door["port"])]
        return subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with contextlib.ExitStack() as stack:
        subscriber = stack.enter_context(start("subscriber.py", "screen", "kitchen"))
        stack.callback(subscriber.kill)
        ending = threading.Event()

        def speak():
            number = 100
            while not ending.wait(0.1):
                number += 1
                kitchen.publish("mote/kitchen/up", record(number, 19.5))

        speaking = threading.Thread(target=speak)
        speaking.start()
        line = subscriber.stdout.readline()
        ending.set()
        speaking.join()
        assert line.split()[1:] == ["kitchen", "air", "19.5", "Cel"]
        for actuator, status, said in (("relay", 0, "done True\n"), ("pump", 1, "refused no such actuator\n")):
            publisher = stack.enter_context(start("publisher.py", "panel", "kitchen", actuator, "true"))
            out, errors = publisher.communicate(timeout=30)
            assert (out, errors, publisher.returncode) == (said, "", status)
        lost = stack.enter_context(start("publisher.py", "nobody", "kitchen", "relay", "true"))
        out, errors = lost.communicate(timeout=30)
        assert (out, lost.returncode) == ("", 1)
        assert errors.startswith("no certificate of nobody")


def test_motes_that_really_run_obey_and_report_it_on_either_channel(tmp_path):
    fleet = Fleet.create()
    for name, channel, board in (("kitchen", "tls", "esp32"), ("cellar", "sealed", "esp8266")):
        channel_motes.add(fleet, name, channel, board)
    with contextlib.ExitStack() as stack:
        side = stack.enter_context(running(NatsBroker, tmp_path, fleet))
        fleet_at_hand = stack.enter_context(Client(**side.door, user="panel"))
        feed = fleet_at_hand.readings()
        for mote in fleet.motes.values():
            made = channel_motes.ChannelMote(
                fleet, mote, side.authority, endpoint(side.broker, mote).port, tmp_path / mote.id
            )
            made.board.start()
            stack.callback(made.board.stop)
        for mote, channel in (("kitchen", None), ("cellar", "sealed")):
            wait(lambda mote=mote: (reading := feed.get(1)) is not None and reading.mote == mote, within_s=60)
            outcome = fleet_at_hand.send(mote, "relay", True, for_s=60)
            assert (outcome.result, outcome.value, outcome.why) == ("done", 1, None)
            reading = wait(
                lambda mote=mote: (found := feed.get(1)) and (found.mote, found.name) == (mote, "relay") and found,
                within_s=60,
            )
            assert (reading.value, reading.unit, reading.channel) == (True, None, channel)
            assert fleet_at_hand.send(mote, "pump", True).why == "no such actuator"
        assert side.refused() == []


def test_connection_that_broke_comes_back_by_itself(tmp_path):
    real_brokers.require_mosquitto()
    with running(MosquittoBroker, tmp_path) as side, Client(**side.door, user="screen") as fleet:
        feed = fleet.readings()
        side.broker.stop()
        wait(lambda: not fleet.connected)
        with pytest.raises(NotConnected):
            fleet.readings("attic")
        side.broker.start()
        wait(lambda: fleet.connected)
        cellar = side.sealed()
        cellar.publish("up", cellar.mote.up())
        assert feed.get(20).mote == "cellar"
        cellar.close()
