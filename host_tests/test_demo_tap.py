"""The tap passes every byte on unchanged, and says of real packets what an eavesdropper can tell."""

import os
import random
import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet
from ironmote.brokers import Endpoint
from ironmote.certificates import Authority
from ironmote.demo.tap import Tap, Taps
from ironmote.demo.wire import Direction, Kind, Splitter
from ironmote.demo.wire_panel import record_on_wire
from ironmote.errors import IronmoteError
from paho.mqtt import client as mqtt


def echo_server() -> tuple[socket.socket, Endpoint]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with link:
                while data := link.recv(4096):
                    link.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    return listener, Endpoint("127.0.0.1", listener.getsockname()[1])


@pytest.fixture
def taps():
    taps = Taps()
    yield taps
    taps.close()


def test_every_byte_passes_unchanged_both_ways(taps: Taps):
    listener, target = echo_server()
    seen = {Direction.UP: bytearray(), Direction.DOWN: bytearray()}
    tap = taps.add(target, lambda direction, data: seen[direction].extend(data))
    sent = os.urandom(300_000)
    back = bytearray()
    with socket.create_connection(("127.0.0.1", tap.port)) as link:
        threading.Thread(target=lambda: (link.sendall(sent), link.shutdown(socket.SHUT_WR)), daemon=True).start()
        while data := link.recv(65536):
            back += data
    listener.close()
    assert bytes(back) == sent
    assert bytes(seen[Direction.UP]) == sent
    assert bytes(seen[Direction.DOWN]) == sent


def test_injected_packet_lands_between_two_packets_however_they_are_cut(taps: Taps):
    listener, target = echo_server()
    tap = taps.add(target)
    stream = an_mqtt_stream(b"\xd0" + bytes(300))
    first = Splitter().feed(Direction.UP, stream)[0].data
    slipped = b"\x30\x05\x00\x01xhi"
    with socket.create_connection(("127.0.0.1", tap.port)) as link:
        link.settimeout(5)
        link.sendall(first + stream[len(first) : len(first) + 7])  # the next packet has begun
        assert exactly(link, len(first) + 7) == first + stream[len(first) : len(first) + 7]
        waiting = threading.Thread(target=taps.inject, args=(tap, slipped))
        waiting.start()
        rest = stream[len(first) + 7 :]
        second = Splitter().feed(Direction.UP, stream)[1].data
        link.sendall(rest[: len(second) - 7])
        waiting.join(5)
        assert exactly(link, len(second) - 7 + len(slipped)) == second[7:] + slipped
    listener.close()


def exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += link.recv(count - len(data))
    return data


def test_nothing_can_be_injected_where_there_is_no_session(taps: Taps, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ironmote.demo.tap._INJECT_S", 0.05)
    tap = taps.add(Endpoint("127.0.0.1", 1))
    with pytest.raises(IronmoteError, match="nothing could be slipped into the link"):
        taps.inject(tap, b"\xc0\x00")


def test_nobody_behind_it_closes_the_link(taps: Taps):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        tap = taps.add(Endpoint("127.0.0.1", free.getsockname()[1]))
    with socket.create_connection(("127.0.0.1", tap.port), timeout=5) as link:
        assert link.recv(1) == b""


@pytest.mark.parametrize("busy", [False, True], ids=["as they are made", "as they are reset"])
def test_links_that_are_cut_by_closing_say_nothing(capfd, busy: bool):
    listener, target = echo_server()
    for _ in range(20):
        taps = Taps()
        tap = taps.add(target)
        links = [socket.create_connection(("127.0.0.1", tap.port), timeout=5) for _ in range(8)]
        if busy:
            links[0].sendall(bytes(1000))
            assert links[0].recv(1)
            for link in links:  # reset, not ended, in the same instant
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                link.close()
        taps.close()
        for link in links:
            link.close()
    listener.close()
    assert capfd.readouterr().err == ""


def packets_of(data: bytes, pieces: int | None = None):
    splitter = Splitter()
    cuts = sorted(random.Random(pieces).randrange(len(data)) for _ in range(pieces or 0))
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        found += splitter.feed(Direction.UP, data[start:end])
    return found


def an_mqtt_stream(payload: bytes) -> bytes:
    """What paho really writes for CONNECT and PUBLISH, taken from its socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="cellar")
    client.username_pw_set("cellar", "1.0.abc")
    client.connect("127.0.0.1", listener.getsockname()[1])
    link, _ = listener.accept()
    client.publish("sealed/cellar/up", payload, qos=1)
    link.sendall(b"\x20\x02\x00\x00")
    client.loop_start()
    client.disconnect()
    data = b""
    while part := link.recv(4096):
        data += part
    client.loop_stop()
    link.close()
    listener.close()
    return data


def test_sealed_record_in_the_clear_is_recognised_however_it_is_cut():
    fleet = a_fleet()
    sealed_record = SealingMote(fleet, "cellar").up()
    stream = an_mqtt_stream(sealed_record)
    for pieces in (None, 1, 5, 50):
        found = packets_of(stream, pieces)
        connect = next(packet for packet in found if packet.kind is Kind.MQTT_CONNECT)
        publish = next(packet for packet in found if packet.kind is Kind.MQTT_PUBLISH)
        assert "client cellar" in connect.caption
        assert publish.caption == (
            f"MQTT PUBLISH in the clear, topic sealed/cellar/up, {len(sealed_record)} bytes, "
            "COSE_Encrypt0 (boot 1, number 0): nothing inside can be read"
        )
        # All but the ciphertext is legible, and is shown to be.
        assert publish.data[publish.legible :] == sealed_record[-(len(publish.data) - publish.legible) :]


def test_readable_payload_is_called_readable():
    (publish,) = [p for p in packets_of(an_mqtt_stream(b'{"t":1}')) if p.kind is Kind.MQTT_PUBLISH]
    assert "anybody can read" in publish.caption
    assert publish.legible == len(publish.data)


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLS 1.2"), (ssl.TLSVersion.TLSv1_3, "TLS 1.3")]
)
def test_tls_version_and_lengths_are_all_that_tls_shows(taps: Taps, tmp_path: Path, version, name: str):
    authority = Authority.create()
    credential = authority.issue("localhost", ["localhost"], server=True)
    (tmp_path / "cert").write_bytes(credential.cert_pem)
    (tmp_path / "key").write_bytes(credential.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server.wrap_socket(listener.accept()[0], server_side=True) as link:
            while link.recv(4096):
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    tap: Tap = taps.add(Endpoint("127.0.0.1", listener.getsockname()[1]))
    client = ssl.create_default_context(cadata=authority.ca_pem.decode())
    client.minimum_version = client.maximum_version = version
    with client.wrap_socket(socket.create_connection(("127.0.0.1", tap.port)), server_hostname="localhost") as link:
        link.sendall(b"temperature 23.7" * 10)
    thread.join(5)
    listener.close()
    packet = record_on_wire(tap.captured())
    assert packet is not None
    assert packet.caption.startswith(f"{name} application data, ")
    # TLS 1.2 with GCM sends eight bytes of each nonce in the clear.
    assert packet.legible == (13 if version is ssl.TLSVersion.TLSv1_2 else 5)
    assert b"temperature" not in packet.data


def test_noise_is_no_error():
    for seed in range(200):
        noise = random.Random(seed).randbytes(500)
        for first in (b"\x10", b"\x16", b""):
            packets_of(first + noise, 7)
