"""Time servers and clocks that lie to running motes on TLS: no door opens, and none stays shut for long.

The broker and the gateway are real; the board's time server and its own clock say what a test wants.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from channel_motes import ChannelMote, add
from clients import gateway as gateway_client
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Gateway, RecordSeen
from ironmote.gateway.members import members_of
from mote import epoch
from running import vault_file

pytestmark = pytest.mark.long

WAIT_S = 90.0
DAY = 86_400
YEAR_1970, LAST_CENTURY, YEAR_2038, YEAR_2106, FAR = 0, 981_244_800, 2**31 + 5, 2**32, 2**40
LIES = {"1970": YEAR_1970, "2001": LAST_CENTURY, "2038": YEAR_2038, "2106": YEAR_2106, "far": FAR}
CONNECTED = "connected, session"
NEAR_S = 5.0  # how far a time that is right may be from this test's: rounding, and the way


class Site:
    """A fleet, its broker and its gateway; motes are made and started one by one."""

    def __init__(self, folder: Path, motes: dict[str, str]) -> None:
        self.folder = folder
        self.fleet, self.authority = Fleet.create(), Authority.create()
        for name, channel in motes.items():
            add(self.fleet, name, channel)
        self.broker = NatsBroker(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        self.events: list = []
        self._begun = time.time()
        self._changed = threading.Condition()
        self.gateway = Gateway(
            self.fleet.id, members_of(self.fleet), self.broker.gateway, folder / "g.db", self._hear
        )  # fmt: skip
        self.gateway.start()
        self.motes: list[ChannelMote] = []

    def start(self, name: str, faults: dict | None = None, **change) -> ChannelMote:
        mote = self.fleet.motes[name]
        port = endpoint(self.broker, mote).port
        made = ChannelMote(self.fleet, mote, self.authority, port, self.folder / name, **change)
        made.put(json.dumps(faults or {}))
        self.motes.append(made)
        made.board.start()
        return made

    def close(self) -> None:
        for mote in self.motes:
            mote.board.stop()
        self.gateway.stop()
        self.broker.stop()

    def _hear(self, event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind, name: str) -> list:
        return [event for event in list(self.events) if isinstance(event, kind) and event.mote == name]

    def wait(self, condition: Callable[[], object]):
        end = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < end, [line for mote in self.motes for line in mote.lines[-20:]]
            with self._changed:
                self._changed.wait(0.1)
        return found

    def wrong(self, name: str, since: int = 0) -> list[RecordSeen]:
        """Those of a mote's records whose time is there and is not right: what waited was taken since this began."""
        records = self.of(RecordSeen, name)[since:]
        right = [self._begun - NEAR_S <= (each.taken or each.arrived) <= each.arrived + NEAR_S for each in records]
        return [each for each, good in zip(records, right, strict=True) if not good]


@pytest.fixture
def opened(tmp_path: Path):
    sites: list[Site] = []

    def make(**motes: str) -> Site:
        sites.append(Site(tmp_path, motes))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def test_lie_of_any_year_shuts_a_mote_out_for_no_longer_than_it_lasts_and_a_little(opened):
    """All at the same time. Nothing crosses while the server lies, and what comes after has the right time."""
    names = {f"m{year}": lie for year, lie in LIES.items()}
    site = opened(**dict.fromkeys(names, "tls"))
    motes = {name: site.start(name, {"ntp": lie}) for name, lie in names.items()}
    for name, mote in motes.items():
        said = "link: lost" if name == "m2038" else "the time server's answer is no time"
        site.wait(lambda mote=mote, said=said: mote.said(said) >= 2)
        assert not mote.said(CONNECTED)
        mote.put("{}")
    for name in names:
        site.wait(lambda name=name: len(site.of(RecordSeen, name)) >= 3)
    assert [name for name in names if site.wrong(name)] == []


def test_one_false_answer_during_a_session_is_over_within_seconds_and_commands_are_obeyed(opened):
    site = opened(porch="tls")
    # As late as a certificate lasts, so that the session begins: only the time is wrong.
    mote = site.start("porch", {"ntp": int(time.time()) + 200 * DAY})
    site.wait(lambda: site.wrong("porch"))
    mote.put("{}")
    site.wait(lambda: site.of(RecordSeen, "porch")[-1] not in site.wrong("porch"))
    count = len(site.of(RecordSeen, "porch"))
    site.gateway.send("porch", "relay", 1)
    (ended,) = site.wait(lambda: site.of(CommandEnded, "porch"))
    assert ended.result == "done"
    site.wait(lambda: len(site.of(RecordSeen, "porch")) > count + 5)
    assert not site.wrong("porch", count)
    assert mote.said(CONNECTED) == 1


@pytest.mark.parametrize("channel", ["tls", "tls+sealed"])
def test_boards_clock_that_jumps_changes_no_time_and_ends_no_session(opened, channel):
    site = opened(porch=channel)
    mote = site.start("porch")
    site.wait(lambda: any(each.taken is not None for each in site.of(RecordSeen, "porch")))
    known = len(site.of(RecordSeen, "porch"))
    for count, there in enumerate((YEAR_1970, YEAR_2038, LAST_CENTURY), 1):
        mote.put(json.dumps({"clock": there, "ntp": "silent"}))
        site.wait(lambda count=count: mote.said("the board's clock had moved, and was set back") >= count)
        seen = len(site.of(RecordSeen, "porch"))
        site.wait(lambda seen=seen: len(site.of(RecordSeen, "porch")) > seen + 2)
    records = site.of(RecordSeen, "porch")
    assert site.wrong("porch") == []
    assert all(each.taken is not None for each in records[known:])
    assert [each.number for each in records] == list(range(1, len(records) + 1)), "sampling went on"
    assert mote.said(CONNECTED) == 1


def test_certificate_is_not_judged_by_a_time_before_what_a_command_proved(opened):
    """The same mote, lie and certificate twice: without the command's proof the lie is taken, after it never again."""
    site = opened(porch="tls")
    begun = int(time.time())
    lie, later = begun - 10, begun + 300 * DAY  # the certificate is good at both
    mote = site.start("porch", {"ntp": lie}, clock_floor=begun - 60)
    site.wait(lambda: mote.said(CONNECTED))
    mote.board.stop()
    mote.put(json.dumps({"ntp": later}))
    mote.board.start()
    site.wait(lambda: mote.said(CONNECTED) == 2 and len(site.of(RecordSeen, "porch")) > 3)
    (access,) = [each for each in site.broker.gateway if each.prefix == "mote"]
    owner = gateway_client(access)
    assert owner.connect(access.host, access.port)
    order = {"id": "00" * 8, "name": "relay", "value": 1, "deadline": later + 7 * DAY}
    owner.publish("mote/porch/down", json.dumps(order).encode())
    site.wait(lambda: mote.said("relay done"))
    owner.disconnect()
    mote.board.stop()
    mote.put(json.dumps({"ntp": lie}))
    dialled = len(mote.dialled())
    mote.board.start()
    site.wait(lambda: mote.said("the time server's answer is no time") >= 2)
    assert len(mote.dialled()) == dialled, "it has not even dialled"
    mote.put(json.dumps({"ntp": later + DAY}))
    site.wait(lambda: mote.said(CONNECTED) == 3)


def test_challenge_of_a_gateway_raises_the_floor_of_a_sealed_mote_and_saves_it(opened):
    site = opened(porch="tls+sealed")
    mote = site.start("porch", clock_floor=int(time.time()) - 30 * DAY)
    path = vault_file(mote.board, "floor1")
    site.wait(path.exists)
    generation, floor = epoch.parse_slot(path.read_bytes())
    assert generation == site.fleet.motes["porch"].generation
    assert 0 <= time.time() - floor < WAIT_S
