"""The wire view: every byte that is shown belongs to one part, and what is hidden is what nobody else can read."""

import json

import pytest
from gateway_motes import READINGS, SealingMote, a_fleet
from ironmote.dashboard.wire_view import Captured, views

TOPIC = "sealed/cellar/up"


def wired(payload: bytes, transport: str = "tcp", topic: str = TOPIC) -> dict:
    return {
        "direction": "up", "zone": "clear", "transport": transport, "topic": topic, "payload": payload.hex(),
        "arrived": 1000.0, "record": [1, 1],
    }  # fmt: skip


@pytest.fixture
def message() -> bytes:
    mote = SealingMote(a_fleet(), "cellar", boot=7, generation=3)
    mote.sequence = 300
    return mote.up()


def test_parts_of_a_sealed_message_are_those_of_the_protocol(message: bytes):
    (view,) = views(wired(message), ())
    assert view["who"] == "anyone on the link"
    assert bytes.fromhex(view["hex"]) == message
    parts = {part["name"]: message[part["from"] : part["to"]] for part in view["parts"]}
    assert b"".join(parts.values()) == message, "each byte is in one part"
    assert parts["COSE tag"] == b"\xd0\x83"
    assert parts["protected header"] == b"\x44\xa1\x01\x18\x1f"
    assert parts["kid"] == b"\xa3\x04\x41\x01"
    assert parts["Partial IV"] == b"\x06\x42\x01\x2c"
    assert parts["epoch"][:7] == b"\x0a\x4d\x03\x00\x00\x00\x07"
    assert len(parts["tag"]) == 16
    about = {part["name"]: part["about"] for part in view["parts"]}
    assert "number 300" in about["Partial IV"]
    assert "root key 3, boot 7" in about["epoch"]
    assert [part["name"] for part in view["parts"] if part["hidden"]] == ["ciphertext"]
    for reading in READINGS:
        assert reading.name.encode() not in message


def test_message_in_tls_shows_the_link_a_length_and_the_broker_all_of_it():
    payload = json.dumps([{"n": "temperature", "v": 20}]).encode()
    link, broker = views(wired(payload, "tls", "mote/kitchen/up"), ())
    assert link["hex"] == ""
    assert "when it was sent and how long it is, nothing more" in link["caption"]
    assert broker["who"] == "the broker, inside TLS"
    assert bytes.fromhex(broker["hex"]) == payload
    assert "all of it legible" in broker["caption"]


def test_message_sealed_inside_tls_is_hidden_from_the_broker_too(message: bytes):
    _, broker = views(wired(message, "tls"), ())
    assert "nothing inside can be read" in broker["caption"]
    assert any(part["hidden"] for part in broker["parts"])


def test_record_that_was_captured_is_the_one_of_its_length_and_time():
    payload = b"x" * 100
    size = 2 + 2 + len("mote/kitchen/up") + 2 + 100

    def captured(at: float, up: bool, more: int) -> Captured:
        return Captured(at, up, f"at {at}", bytes(size + more), 13)

    others = [
        captured(999.9, False, 29),
        captured(999.8, True, 90),
        captured(999.8, True, -10),
        captured(900, True, 29),
    ]
    link, _ = views(wired(payload, "tls", "mote/kitchen/up"), [*others, captured(999.5, True, 29)])
    assert link["caption"].startswith("at 999.5")
    assert [(part["from"], part["to"], part["hidden"]) for part in link["parts"]] == [
        (0, 5, False),
        (5, 13, False),
        (13, size + 29, True),
    ]
    link, _ = views(wired(payload, "tls", "mote/kitchen/up"), others)
    assert link["hex"] == "", "no other is shown in its place"


def test_what_is_no_sealed_message_is_shown_as_it_is():
    (view,) = views(wired(b"\xd0\x83 and no more"), ())
    assert "legible" in view["caption"]
    (view,) = views(wired(b""), ())
    assert view["size"] == 0
