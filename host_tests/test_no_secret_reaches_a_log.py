"""Everything that running motes print at the level that prints most, searched for every secret they hold.

They join, are refused, lose their session and their network, have their root key rotated, run into servers that are
not theirs, and cannot save. What is searched for is each secret and every key made of it, raw, in hex and in base64.
"""

import base64
import json
import secrets
from pathlib import Path

import hostile
import pytest
from channel_motes import ChannelMote, add
from clients import gateway as gateway_client
from hostile import Listener, TlsServer
from hostile_broker import forged
from ironmote import rotation
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.demo.wire import Kind
from ironmote.fleet import Fleet
from ironmote.gateway import MoteConfirmed
from ironmote.gateway.members import successor_of
from ironmote.simulate import SimulatedMote
from mote import sealed
from running import Stage, vault_file
from secret_forms import Sought, number, of_root

pytestmark = pytest.mark.long

WAIT_S = 60.0


def roots(fleet: Fleet, root: bytes) -> list[bytes]:
    """A root key, and the keys that are made of it."""
    return [secret for _, secret in of_root(root, fleet.id)]


def found(lines: list[str], sought: list[bytes]) -> list[str]:
    """The lines that hold a form of one of the secrets."""
    assert lines
    search = Sought()
    for secret in sought:
        search.add("secret", secret)
    # What is no letter of Latin-1 stands in no secret's form.
    return [line for line in lines if search.kinds_in(line.encode("latin-1", "replace"))]


def password_of(connect: bytes) -> bytes:
    """The password in a CONNECT, which is its last field (3.1.1, 3.1.3)."""
    at = connect.rindex(b"1.")
    return connect[at:]


def failed_again(motes: list[ChannelMote], faults: dict, words: str = "warning link: ") -> None:
    """Put faults on all boards, and wait until each mote has said so."""
    before = {mote.id: mote.said(words) for mote in motes}
    for mote in motes:
        mote.put(json.dumps(faults))
    for mote in motes:
        assert mote.waits(lambda mote=mote: mote.said(words) > before[mote.id], WAIT_S), mote.lines


def test_search_finds_each_form_of_a_secret():
    secret = secrets.token_bytes(32)
    for form in (
        repr(secret),
        secret.hex(),
        base64.b64encode(b"key: " + secret).decode(),
        base64.urlsafe_b64encode(secret).decode(),
        secret[:16].hex(),
        repr(secret[16:]),
        secret.decode("latin-1"),
        str(list(secret)),
    ):
        assert found([f"1.000 link: lost: {form}!"], [secret]), form
    assert not found(["1.000 link: lost: OSError(110,)"], [secret])


def test_sealed_mote_prints_no_secret_while_it_is_refused_cut_off_rotated_and_cannot_start(tmp_path: Path):
    lines: list[str] = []
    stage = Stage(tmp_path)
    try:
        stage.start_gateway()
        passphrase = secrets.token_urlsafe(12).encode()
        mote = stage.mote(log="debug", sample_ms=150, outbox=8, health_s=10)
        mote = stage.motes["cellar"] = SimulatedMote(
            mote.profile, mote.settings, {**mote.secrets, "wifi": passphrase}, {}, mote.folder, on_line=lines.append
        )
        mote.build()
        link, of = stage.links["cellar"], stage.fleet.motes["cellar"]
        sought = [passphrase, *roots(stage.fleet, of.root)]

        def said(words: str, times: int = 1):
            stage.wait(lambda: sum(words in line for line in list(lines)) >= times)

        mote.start()
        said("connected, session")
        said("debug ")
        (access,) = [each for each in stage.broker.gateway if each.prefix == "sealed"]
        broker = gateway_client(access)
        broker.connect(access.host, access.port)
        epoch = sealed.parse(link.sealed()[-1][1], sealed.MAX_UP).epoch
        for payload in (b"", b"\x1b[2J", forged(epoch, 40), forged(epoch, 200), link.sealed()[-1][1]):
            broker.publish("sealed/cellar/down", payload)
        said("orders: refused:")
        broker.disconnect()
        link.cut()
        said("link: lost")
        said("connected, session", 2)
        rotation.begin(of)
        sought += roots(stage.fleet, of.successor)
        stage.wait(lambda: stage.of(MoteConfirmed))
        stage.gateway.rotate("cellar", successor_of(of, stage.fleet.id))
        # The broker knows no password of the new root: the mote is refused, and shows that of the old one again.
        said("not let in")
        said("connected, session", 3)
        stage.broker.stop()
        said("link: lost", 2)
        mote.stop()
        for name in ("boot0", "boot1"):
            vault_file(mote, name).unlink(missing_ok=True)
        mote.start()
        said("mote: stopped")
        passwords = {password_of(each.data) for _, each in link.packets if each.kind is Kind.MQTT_CONNECT}
        assert len(passwords) == 2, "one of each root key"
        assert found(lines, [*sought, *passwords]) == []
    finally:
        stage.close()


def test_motes_on_tls_print_no_secret_whatever_is_at_their_brokers_port(tmp_path: Path):
    fleet, authority = Fleet.create(), Authority.create()
    add(fleet, "tls", "tls")
    add(fleet, "tls-sealed", "tls+sealed")
    broker = NatsBroker(fleet, authority, tmp_path / "broker")
    add(fleet, "tls-psk", "tls-psk")  # which this broker does not have, and the mote is let down by all of them
    stranger = TlsServer(tmp_path / "stranger", hostile.self_signed("localhost"))
    broker.start()
    motes: list[ChannelMote] = []
    listeners: list[Listener] = []
    try:
        for mote in fleet.motes.values():
            listeners.append(Listener(hostile.says(bytes(range(256)))))
            made = ChannelMote(
                fleet, mote, authority, listeners[-1].port, tmp_path / mote.id, log="debug", timeout_ms=1000
            )
            motes.append(made)
            made.put(json.dumps({"ntp": 5}))
            made.board.start()
        failed_again(motes, {"ntp": 5}, "that can be true")
        failed_again(motes, {})
        failed_again(motes, {"tls": "memory_error"}, "error link: ")
        failed_again(motes, {"wifi": "gone"})
        for port in (stranger.port, broker.trusted.port):
            for listener in listeners:
                listener.become(hostile.relay(port))
            failed_again(motes, {}, "link: ")
        assert all(mote.waits(lambda mote=mote: mote.said("connected, session"), WAIT_S) for mote in motes[:2])
        for mote in motes:
            vault = [mote.board.secrets[name] for name in ("wifi", "key")]
            assert mote.said("debug ")
            assert found(mote.lines, [*vault, number(vault[1]), *roots(fleet, mote.board.secrets["root"])]) == []
    finally:
        for each in (*(mote.board.stop for mote in motes), *(listener.close for listener in listeners)):
            each()
        stranger.close()
        broker.stop()
