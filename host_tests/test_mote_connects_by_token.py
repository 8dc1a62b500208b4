"""A real mote, tapped, before NATS and its authenticator: what was captured is worth nothing, and it comes back."""

import queue
import time
from pathlib import Path

import pytest
from ironmote.demo import attack
from ironmote.demo.stage import Stage, set_up
from ironmote.gateway import MessageRefused, RecordSeen
from mote.channel import AUTO

MOTE = "cellar"
WAIT_S = 60.0


class Scene:
    """A stage on which only the sealed mote is switched on."""

    def __init__(self, stage: Stage, events: "queue.Queue") -> None:
        self.stage = stage
        self.events = events
        self.mote = stage.motes[MOTE]
        self.tap = stage.taps[MOTE]
        (self.authenticator,) = stage.broker.authenticators.processes
        self.server = next(each for each in stage.broker.processes if each.name.endswith("(zone clear)"))

    def next(self, kind):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            event = self.events.get(timeout=WAIT_S)
            if isinstance(event, kind):
                return event
        raise AssertionError(f"no {kind.__name__}; the mote said {self.mote.console}")

    def record(self, after: RecordSeen | None = None) -> RecordSeen:
        """The next record; one that was taken after `after`."""
        while True:
            seen = self.next(RecordSeen)
            if after is None or (seen.boot, seen.number) > (after.boot, after.number):
                return seen

    def latest(self, seen: RecordSeen) -> RecordSeen:
        """The last record that has already arrived, `seen` where there was none since."""
        while not self.events.empty():
            event = self.events.get()
            seen = event if isinstance(event, RecordSeen) else seen
        return seen

    def replayed(self, connect: bytes) -> bool:
        """True where the broker lets in who sends this CONNECT, byte for byte."""
        return attack.replay(self.stage.broker.clear, connect, b"\xc0\x00")

    def said(self, words: str) -> int:
        return sum(words in line for line in self.mote.console)

    def hears(self, words: str, times: int = 1) -> bool:
        deadline = time.monotonic() + WAIT_S
        while self.said(words) < times:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


@pytest.fixture
def scene():
    events: queue.Queue = queue.Queue()
    with set_up(
        count=2,
        broker="nats",
        wanted=AUTO,
        keep=None,
        sample_s=0.2,
        rows=None,
        on_phase=lambda _: None,
        on_event=events.put,
        on_line=lambda *_: None,
    ) as stage:
        stage.motes[MOTE].start()
        yield Scene(stage, events)


def test_captured_connect_is_refused_byte_for_byte_while_the_mote_is_there_and_when_it_is_off(scene: Scene):
    first = scene.record()
    connect = scene.tap.opening.data
    assert b"cellar" in connect
    for _ in range(3):
        assert not scene.replayed(connect)
    scene.record(first)
    assert scene.said("connected, session") == 1, "the mote has not noticed"
    scene.mote.stop()
    assert not scene.replayed(connect)


def test_mote_is_let_in_after_its_next_boot_and_its_earlier_connects_are_not(scene: Scene):
    first = scene.record()
    captured = [scene.tap.opening.data]
    for _ in range(2):
        scene.mote.stop()
        scene.mote.start()
        while scene.record(first).boot == first.boot:
            pass
        captured.append(scene.tap.opening.data)
        first = scene.record(first)
    assert len(set(captured)) == 3
    for connect in captured:
        assert not scene.replayed(connect)
    assert scene.record(first).boot == first.boot


def test_mote_backs_off_while_the_authenticator_is_away_and_comes_back(scene: Scene):
    first = scene.record()
    scene.authenticator.stop()
    scene.server.stop()
    scene.server.start()
    assert scene.hears("does not authorise", times=2), scene.mote.console
    refused = scene.tap.opening.data
    scene.authenticator.start()
    assert scene.hears("connected, session", times=2), scene.mote.console
    assert scene.record(scene.latest(first)).boot == first.boot, "it never started anew"
    assert not scene.replayed(scene.tap.opening.data)
    assert not scene.replayed(refused), "a later one was used since"


def test_revoked_mote_is_put_out_and_kept_out(scene: Scene):
    first = scene.record()
    gone = scene.stage.fleet.motes.pop(MOTE)
    scene.stage.broker.admit(scene.stage.fleet)
    assert scene.hears("does not authorise", times=2), scene.mote.console
    scene.stage.fleet.motes[MOTE] = gone
    scene.stage.broker.admit(scene.stage.fleet)
    assert scene.hears("connected, session", times=2), scene.mote.console
    assert scene.record(scene.latest(first)).boot == first.boot


def test_record_slipped_into_the_motes_session_is_refused_by_the_gateway_and_harms_nothing(scene: Scene):
    first = scene.record()
    for _ in range(5):
        packet = attack.recorded(scene.tap.captured())
        assert packet is not None
        scene.stage.tapped.inject(scene.tap, packet)
        assert "already taken" in scene.next(MessageRefused).why
        first = scene.record(first)
    assert scene.said("connected, session") == 1
    assert scene.stage.gateway.lost.get(MOTE, 0) == 0


def test_what_is_on_the_mote_says_token(scene: Scene, tmp_path: Path):
    assert scene.mote.settings["connect"] == "token"
    scene.record()
    password = scene.tap.opening.data
    assert b"1.4294967297." in password, "boot 1, connection 1"
