"""Every generation of umqtt.simple that users meet, run: the device's own tests on it, and motes that talk over it."""

import os
import queue
import subprocess
from pathlib import Path

import pytest
from channel_motes import ChannelMote, add
from ironmote import interpreter, simulate
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.compiler import compile_file
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Gateway, MessageRefused, RecordSeen
from ironmote.gateway.members import members_of
from umqtt_generations import VERSIONS, install, source

ROOT = Path(__file__).parent.parent
WAIT_S = 60


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_own_tests_pass_over(tmp_path, version):
    ended = subprocess.run(
        [*interpreter.find_micropython(), "tests/run.py", "mqtt", "wire"],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": f":.frozen:{install(version, tmp_path)}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    print(ended.stdout[-4000:], ended.stderr[-2000:])
    assert ended.returncode == 0
    assert " passed, 0 failed" in ended.stdout.splitlines()[-1]


def test_generations_differ_in_how_they_are_called():
    """Else the tests here would run one of them four times."""
    assert "ussl.wrap_socket" in source("1.3.4")
    assert "ssl_params" not in source("1.4.0")
    assert "timeout=None" in source("1.8.0")
    assert len({source(version) for version in VERSIONS}) == len(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_motes_are_heard_and_obey_over(tmp_path, version):
    fleet, authority = Fleet.create(), Authority.create()
    add(fleet, "attic", "tls")
    add(fleet, "cellar", "sealed", "esp8266")
    broker = NatsBroker(fleet, authority, tmp_path / "broker")
    events = queue.Queue()
    gateway = Gateway(fleet.id, members_of(fleet), broker.gateway, tmp_path / "gateway.db", events.put)
    motes = []
    try:
        broker.start()
        gateway.start()
        for mote in fleet.motes.values():
            made = ChannelMote(fleet, mote, authority, endpoint(broker, mote).port, tmp_path / mote.id)
            motes.append(made)
            replace(made.board, version, tmp_path / "umqtt")
            made.board.start()
        heard, done = set(), set()
        while heard != set(fleet.motes) or done != set(fleet.motes):
            event = events.get(timeout=WAIT_S)
            assert not isinstance(event, MessageRefused), event
            if isinstance(event, RecordSeen) and event.mote not in heard:
                heard.add(event.mote)
                gateway.send(event.mote, "relay", 1)
            elif isinstance(event, CommandEnded):
                assert (event.result, event.value) == ("done", 1)
                done.add(event.mote)
    finally:
        for mote in motes:
            mote.board.stop()
        gateway.stop()
        broker.stop()


def replace(board: simulate.SimulatedMote, version: str, scratch: Path) -> None:
    """Give the board's firmware that umqtt in place of the one it came with."""
    frozen = board.folder / "firmware" / "umqtt" / "simple.mpy"
    text = install(version, scratch) / "umqtt" / "simple.py"
    assert frozen.exists()
    profile = board.profile
    frozen.write_bytes(compile_file(text, "umqtt/simple.py", profile.optimise, profile.small_int_bits))
