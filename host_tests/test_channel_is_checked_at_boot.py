"""A channel that is pinned is checked again at every start: where it is not possible, the mote sends nothing at all."""

import dataclasses

import hostile
import pytest
from channel_motes import ChannelMote, add
from hostile import Listener, TlsServer
from ironmote import boards
from ironmote.certificates import Authority
from ironmote.errors import IronmoteError
from ironmote.fleet import Fleet
from mote import cbor

FAST = 20.0


@pytest.fixture
def start(tmp_path):
    """start(channel, hide=modules that the firmware lacks, behave=…, …): that mote, switched on, and its listener."""
    begun = []

    def begin(channel: str, board: str = "esp32", hide: tuple[str, ...] = (), behave=hostile.silence, **change):
        fleet, authority = Fleet.create(), Authority.create()
        listener = Listener(behave(authority) if behave is not hostile.silence else behave)
        profile = dataclasses.replace(boards.load(board), hide=hide)
        mote = ChannelMote(
            fleet, add(fleet, "kitchen", channel, board), authority, listener.port, tmp_path / "board",
            profile=profile, **change,
        )  # fmt: skip
        begun.append((mote, listener))
        mote.board.start()
        return mote, listener

    yield begin
    for mote, listener in begun:
        mote.board.stop()
        listener.close()


NO_VERIFY = "this firmware's ssl cannot verify a broker"
NO_PSK = "this firmware has no TLS with pre-shared keys"
NO_AES = "this firmware has no AES or no SHA-256"
NO_ROOM = "the board has no room for a TLS session"


@pytest.mark.parametrize(
    ("channel", "board", "hide", "change", "why"),
    [
        ("tls", "esp8266", (), {}, f"tls is not possible here: {NO_VERIFY}"),
        ("tls", "esp32", ("ssl",), {}, f"tls is not possible here: {NO_VERIFY}"),
        ("tls", "esp32", (), {"room": False}, f"tls is not possible here: {NO_ROOM}"),
        ("tls+sealed", "esp32", ("cryptolib",), {}, f"tls+sealed is not possible here: {NO_AES}"),
        ("tls-psk", "esp8266", (), {}, f"tls-psk is not possible here: {NO_PSK}"),
        ("tls-psk", "esp32", ("tls",), {}, f"tls-psk is not possible here: {NO_PSK}"),
        ("tls-psk+sealed", "esp32", ("cryptolib",), {}, f"tls-psk+sealed is not possible here: {NO_AES}"),
        ("sealed", "esp32", ("cryptolib",), {}, f"sealed is not possible here: {NO_AES}"),
        ("auto", "esp32", ("ssl", "tls"), {"floor": "tls-psk"}, "nothing at or above tls-psk is possible here: "),
    ],
)  # fmt: skip
def test_channel_that_is_not_possible_stops_the_mote_and_nothing_is_sent(start, channel, board, hide, change, why):
    mote, listener = start(channel, board, hide, **change)
    assert mote.waits(lambda: not mote.board.alive, FAST)
    assert mote.said(f"mote: stopped: {why}") == 1, mote.lines
    assert mote.dialled() == []
    assert listener.links == []


@pytest.mark.parametrize(
    ("channel", "floor"), [("sealed", "tls"), ("sealed", "tls-psk"), ("tls", "tls+sealed"), ("tls-psk", "tls")]
)
def test_channel_below_its_floor_stops_the_mote_though_the_settings_came_past_the_check(start, channel, floor):
    mote, listener = start(channel)
    mote.board.stop()
    path = mote.board.folder / "flash" / "settings.cbor"
    path.write_bytes(cbor.encode(cbor.decode(path.read_bytes(), 4, 512) | {"floor": floor}))
    (mote.board.folder / "dialled").unlink(missing_ok=True)
    before = len(listener.links)
    mote.lines.clear()
    mote.board.start()
    assert mote.waits(lambda: not mote.board.alive, FAST)
    assert mote.said(f"mote: stopped: channel: {channel} is less than the floor, {floor}") == 1, mote.lines
    assert mote.dialled() == []
    assert len(listener.links) == before


def test_channel_below_its_floor_is_refused_before_there_is_a_board(start):
    with pytest.raises(IronmoteError, match="channel: sealed is less than the floor, tls"):
        start("sealed", floor="tls")


@pytest.mark.parametrize(("channel", "missing"), [("tls", "key"), ("tls-psk", "root"), ("tls+sealed", "root")])
def test_secret_that_is_missing_stops_the_mote_and_nothing_is_sent(start, channel, missing):
    mote, listener = start(channel)
    mote.board.stop()
    (mote.board.folder / "nvs" / "ironmote" / f"{missing}.blob").unlink()
    (mote.board.folder / "dialled").unlink(missing_ok=True)
    before = len(listener.links)
    mote.lines.clear()
    mote.board.start()
    assert mote.waits(lambda: not mote.board.alive, FAST)
    assert mote.said("missing; provision this mote again") == 1, mote.lines
    assert mote.dialled() == []
    assert len(listener.links) == before


def test_connect_inside_tls_carries_no_user_and_no_password_and_is_seen_by_nobody_else(start, tmp_path):
    """A broker with the right certificate that does not ask for the mote's reads CONNECT; an eavesdropper does not."""
    servers = []

    def honest(authority):
        servers.append(TlsServer(tmp_path / "server", authority.issue("localhost", ["localhost"], server=True)))
        return hostile.relay(servers[0].port)

    mote, listener = start("tls+sealed", behave=honest)
    assert mote.waits(lambda: b"sealed/kitchen/state" in servers[0].heard, FAST), mote.lines
    connect = bytes(servers[0].heard)
    assert connect[0] == 0x10
    assert connect[2:9] == b"\x00\x04MQTT\x04"
    assert connect[9] & 0xC0 == 0, "a user name or a password"
    for link in listener.links:
        assert b"sealed/" not in link.seen
        assert b"MQTT" not in link.seen
    servers[0].close()
