"""The client over umqtt: packets as MQTT 3.1.1 has them, answers checked, nothing of a broker's trusted."""

import asyncio

from harness import raises
from mote import mqtt
from mote.wire import Wire, WireError
from test_wire import Script


def client(on_message=None):
    wire = Wire(256)
    made = mqtt.Client(wire, "kitchen", "host", 1883, None, None, 30, None, on_message or (lambda t, m: None))
    return wire, made


def composed(wire):
    data = bytes(wire._out[: wire.mark()])
    wire.drop(0)
    return data


def take(wire, made, data):
    wire._stream = Script(data, 99)
    return made.take(asyncio.run(wire.receive()))


def test_connect_is_clean_and_carries_the_will_at_qos_1():
    wire, made = client()
    made.set_last_will(b"t", b"gone", False, 1)
    made.send_connect()
    assert composed(wire) == b"\x10\x1c\x00\x04MQTT\x04\x0e\x00\x1e\x00\x07kitchen\x00\x01t\x00\x04gone"


def test_publish_has_its_packet_id_and_dup_only_when_sent_again():
    wire, made = client()
    made.send_publish(b"t", b"m", False, 65535, False)
    assert composed(wire) == b"\x32\x06\x00\x01t\xff\xffm"
    made.send_publish(b"t", b"m", True, 1, True)
    assert composed(wire) == b"\x3b\x06\x00\x01t\x00\x01m"


def test_publish_too_large_for_the_buffer_leaves_nothing_half_composed():
    wire, made = client()
    raises(WireError, made.send_publish, b"t", bytes(300), False, 1, False)
    assert wire.mark() == 0


def test_lengths_are_those_of_bytes():
    wire, made = client()
    made.send_publish("ü".encode(), b"", False, 1, False)
    assert composed(wire) == b"\x32\x06\x00\x02\xc3\xbc\x00\x01"


def test_incoming_publish_is_delivered_and_acknowledged():
    got = []
    wire, made = client(lambda topic, message: got.append((topic, message)))
    assert take(wire, made, b"\x32\x07\x00\x01t\x00\x09ok") == (mqtt.PUBLISH, None)
    assert got == [(b"t", b"ok")]
    assert composed(wire) == b"\x40\x02\x00\x09"


def test_answers_are_told_apart():
    wire, made = client()
    assert take(wire, made, b"\x20\x02\x00\x05") == (mqtt.CONNACK, 5)
    assert take(wire, made, b"\x40\x02\x01\x02") == (mqtt.PUBACK, 0x0102)
    assert take(wire, made, b"\x90\x03\x00\x01\x01") == (mqtt.SUBACK, True)
    assert take(wire, made, b"\x90\x03\x00\x01\x80") == (mqtt.SUBACK, False)
    assert take(wire, made, b"\xd0\x00") == (mqtt.PINGRESP, None)


def test_malformed_packets_are_refused_with_our_errors_only():
    for data in (
        b"\x34\x06\x00\x01t\x00\x01m",  # QoS 2
        b"\x36\x06\x00\x01t\x00\x01m",  # QoS 3
        b"\x30\x00",
        b"\x30\x01\x00",
        b"\x30\x02\x00\x05",  # a topic longer than the packet
        b"\x32\x03\x00\x01t",  # no packet id
        b"\x40\x00",
        b"\x40\x03\x00\x01\x00",
        b"\x20\x00",
        b"\x90\x02\x00\x01",
        b"\xd0\x01\x00",
        b"\x00\x00",
        b"\xf0\x00",
        b"\x10\x00",
    ):
        wire, made = client()
        raises((mqtt.MqttError, WireError), take, wire, made, data)


def test_every_refusal_of_connect_has_words():
    for code in range(1, 256):
        assert str(mqtt.Refused(code))


def test_leftover_of_a_refused_packet_is_not_taken_for_the_answer_to_the_next():
    """With its asserts compiled in, umqtt took 40 03 for a PUBACK of three bytes."""
    wire, made = client()
    raises(mqtt.MqttError, take, wire, made, b"\xf0\x05\x40\x03\x40\x03\x00")
    made.send_publish(b"t", b"m", False, 7, False)
    assert composed(wire) == b"\x32\x06\x00\x01t\x00\x07m"
    made.send_subscribe(b"t", 9)
    assert composed(wire) == b"\x82\x06\x00\x09\x00\x01t\x01"


def test_assertion_of_umqtt_is_our_error():
    _, made = client()
    made.set_callback(None)
    raises(mqtt.MqttError, made.send_subscribe, b"t", 9)


def test_retained_message_is_acknowledged_and_not_delivered():
    got = []
    wire, made = client(lambda topic, message: got.append(message))
    assert take(wire, made, b"\x33\x07\x00\x01t\x00\x09ok") == (mqtt.PUBLISH, None)
    assert composed(wire) == b"\x40\x02\x00\x09"
    assert take(wire, made, b"\x31\x05\x00\x01tok") == (mqtt.PUBLISH, None)
    assert got == []
    take(wire, made, b"\x32\x08\x00\x01t\x00\x0anew")
    assert got == [b"new"]


def test_message_without_a_payload_is_a_message():
    got = []
    wire, made = client(lambda topic, message: got.append((topic, message)))
    assert take(wire, made, b"\x32\x05\x00\x01t\x00\x09") == (mqtt.PUBLISH, None)
    assert take(wire, made, b"\x30\x03\x00\x01t") == (mqtt.PUBLISH, None)
    assert got == [(b"t", b"")] * 2
