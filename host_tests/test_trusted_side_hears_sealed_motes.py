"""What a gateway verified of sealed motes is said as JSON under mote/, at both brokers; controllers reach them."""

import contextlib
import json
import os
import time

import pytest
import real_brokers
from clients import at, with_certificate
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.client import messages
from ironmote.gateway import RecordSeen
from mote import command
from trusted_side import running, wait


@pytest.fixture(**real_brokers.BOTH)
def side(request, tmp_path):
    real_brokers.require(request.param)
    with running(request.param, tmp_path) as side:
        yield side


@contextlib.contextmanager
def user(side, name: str, *filters: str):
    client = at(
        with_certificate(side.authority.issue(name), side.broker.gateway[0].ca_file, side.folder, name),
        side.broker.trusted,
    )
    for each in filters:
        assert client.subscribe(each)
    try:
        yield client
    finally:
        client.disconnect()


def of_leaf(client, leaf: str) -> list[bytes]:
    return [payload for topic, payload, _ in client.messages if topic.endswith("/" + leaf)]


def test_record_state_and_answer_are_heard_and_no_gateway_takes_them_for_the_motes_own(side):
    with user(side, "screen", "mote/+/up", "mote/+/state", "mote/+/ack") as screen:
        cellar = side.sealed()
        for _ in range(3):
            cellar.publish("up", cellar.mote.up(taken=1_795_000_000))
        packs = wait(lambda: of_leaf(screen, "up") if len(of_leaf(screen, "up")) >= 3 else None)
        first = json.loads(packs[0])[0]
        assert (first["bn"], first["ri"], first["bt"]) == ("cellar/", "1.1.1", 1_795_000_000)
        assert (first["channel"], first["epoch"], first["sequence"]) == ("sealed", 1, 1)
        readings = messages.readings("cellar", packs[0], 0.0)
        assert [(each.name, each.value, each.unit) for each in readings] == [
            ("temperature", 23.7, "Cel"),
            ("light", 585, "lx"),
        ]
        state = json.loads(wait(lambda: of_leaf(screen, "state"))[-1])
        assert (state["online"], state["channel"], state["free"]) == (True, "sealed", 30000)
        sent = side.gateway.send("cellar", "relay", True)
        side.answer(cellar)
        answer = json.loads(wait(lambda: of_leaf(screen, "ack"))[-1])
        assert (answer["id"], answer["result"], answer["value"]) == (sent.hex(), "done", 1)
        side.gateway.revoke("cellar")
        wait(lambda: b'"revoked":true' in of_leaf(screen, "state")[-1])
        cellar.close()
    with user(side, "screen", "mote/+/state") as late:
        wait(lambda: of_leaf(late, "state"))
    assert side.refused() == []


def test_what_no_gateway_has_marked_is_refused_with_an_alert(side):
    mark = side.gateway._uplink.marks.mark("cellar", "mote/cellar/up", b'[{"bn":"cellar/"}]')
    for topic, payload in (
        ("mote/cellar/up", b'[{"bn":"cellar/","ri":"1.9.9","n":"t","v":1}]'),
        ("mote/cellar/up", mark.replace(b"bn", b"bx")),
        ("mote/attic/up", mark),
        ("mote/cellar/state", mark),
        ("mote/cellar/up", mark),
    ):
        side.gateway.publish(topic, payload)  # nobody else has the right
    refused = wait(lambda: side.refused() if len(side.refused()) >= 4 else None)
    assert len(refused) == 4
    assert all(each.alert and "lesser channel" in each.why for each in refused)


def test_controller_commands_a_sealed_mote_and_hears_its_answer(side):
    with user(side, "panel", "mote/+/ack") as panel:
        cellar = side.sealed()
        wait(lambda: [event for event in list(side.events.queue) if type(event).__name__ == "MoteConfirmed"])
        wanted = command.Command(os.urandom(8), "relay", True, None, int(time.time()) + 20, 60)
        for _ in range(2):  # a broker may deliver it twice
            panel.publish("mote/cellar/down", command.encode_command_json(wanted))
        order = side.answer(cellar)
        assert (order.id, order.name, order.value, order.for_s) == (wanted.id, "relay", True, 60)
        answer = json.loads(wait(lambda: of_leaf(panel, "ack"))[0])
        assert (answer["id"], answer["result"]) == (wanted.id.hex(), "done")
        late = wanted._replace(id=os.urandom(8), deadline=int(time.time()) - 5)
        panel.publish("mote/cellar/down", command.encode_command_json(late))
        assert json.loads(wait(lambda: of_leaf(panel, "ack")[1:])[0])["result"] == "expired"
        ageless = wanted._replace(id=os.urandom(8), deadline=None)
        for wrong in (wanted._replace(id=os.urandom(8), name="!rotate"), ageless):
            panel.publish("mote/cellar/down", command.encode_command_json(wrong))
        panel.publish("mote/cellar/down", b"nonsense")
        assert len(wait(lambda: side.refused() if len(side.refused()) >= 3 else None)) == 3
        panel.publish("mote/cellar/down", command.encode_command_json(wanted._replace(id=os.urandom(8))), retain=True)
        last = wanted._replace(id=os.urandom(8), value=False)
        panel.publish("mote/cellar/down", command.encode_command_json(last))
        orders = [side.answer(cellar)]
        if orders[0].id != last.id:  # it was there already, so the broker passed the retained one on as a fresh one
            orders.append(side.answer(cellar))
        assert orders[-1].id == last.id
        cellar.close()


def identities(client) -> list[str]:
    """Of the records that it has heard, each once, in the order in which they came first."""
    return list(dict.fromkeys(json.loads(each)[0]["ri"] for each in of_leaf(client, "up")))


class Nowhere:
    """An outlet of a gateway that ends before anything goes out."""

    def turn(self, outbox, last) -> None:
        pass


def test_what_a_gateway_could_not_say_the_next_one_says(tmp_path):
    real_brokers.require_mosquitto()
    with running(MosquittoBroker, tmp_path) as side:
        side.gateway.stop()
        side.gateway = side.start_gateway(Nowhere())
        with user(side, "screen", "mote/+/up") as screen:
            cellar = side.sealed()
            for _ in range(5):
                cellar.publish("up", cellar.mote.up())
            wait(lambda: sum(isinstance(event, RecordSeen) for event in list(side.events.queue)) == 5)
            side.gateway.stop()
            assert of_leaf(screen, "up") == []
            for last in (5, 6):
                side.gateway = side.start_gateway()  # it has the retained state at once, and believes nothing of it
                if last == 6:
                    cellar.publish("up", cellar.mote.up())
                # At least once: what was not acknowledged when the gateway ended is said again.
                wait(lambda last=last: len(identities(screen)) == last)
                assert identities(screen) == [f"1.1.{each}" for each in range(1, last + 1)]
                side.gateway.stop()
            cellar.close()
        assert side.refused() == []
