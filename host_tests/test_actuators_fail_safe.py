"""Running motes whose link is lost, whose program fails or hangs, whose power goes: their actuators are safe."""

import json
import random
import time
from pathlib import Path

import pytest
from board_process import ROOT, BoardProcess
from ironmote.gateway import CommandEnded, RecordSeen, StateSeen
from ironmote.simulate import SimulatedMote
from mote import pins
from running import Stage

RELAY, OTHER = 12, 13
# What a broken driver does: it works until the file is there.
FAILS = """
from mote.sensors.bh1750_as_it_was import Driver as Right
from mote import store
class Driver(Right):
    async def read(self):
        if store.names("/fail"):
            raise RuntimeError("a bug of a driver")
        return await super().read()
"""


def relay(name: str, pin: int, **fields: object) -> dict[str, object]:
    return {"kind": "relay", "name": name, "pin": pin, "safe": 0, **fields}


MOTES: dict[str, dict[str, object]] = {
    "lost": {"actuators": [relay("relay", RELAY, link_s=7), relay("other", OTHER, link_s=0)], "keepalive_s": 5,
             "timeout_ms": 500},
    "bitten": {"actuators": [relay("relay", RELAY), relay("other", OTHER, keep=True)]},
    "failed": {"actuators": [relay("relay", RELAY), relay("other", OTHER, keep=True)]},
}  # fmt: skip


class Site:
    """The motes, each with two relays that commands have switched on, their broker and gateway."""

    def __init__(self, folder: Path) -> None:
        self.stage = stage = Stage(folder, tuple(MOTES), "esp32")
        stage.start_gateway()
        self.motes = {name: stage.mote(name, **fields) for name, fields in MOTES.items()}
        for mote in self.motes.values():
            path = mote.folder / "board.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"faults": True}))
        drivers = self.motes["failed"].folder / "flash/lib/mote/sensors"
        (drivers / "bh1750.mpy").rename(drivers / "bh1750_as_it_was.mpy")
        (drivers / "bh1750.py").write_text(FAILS)
        for mote in self.motes.values():
            mote.start()
        for name in MOTES:
            stage.wait(lambda name=name: any(each.confirmed for each in stage.of(RecordSeen, name)))
            for each in ("relay", "other"):
                self.command(name, each)

    def command(self, name: str, actuator: str) -> None:
        """Switch it on, and see that it is."""
        assert self.stage.gateway is not None
        count = len(self.stage.of(CommandEnded, name))
        self.stage.gateway.send(name, actuator, True)
        self.stage.wait(lambda: len(self.stage.of(CommandEnded, name)) > count)
        ended = self.stage.of(CommandEnded, name)[-1]
        assert (ended.result, ended.value) == ("done", 1)

    def told(self, name: str, actuator: str) -> list[object]:
        """What the mote has said in records of an actuator."""
        readings = [reading for each in self.stage.of(RecordSeen, name) for reading in each.readings]
        return [reading.value for reading in readings if reading.name == actuator]


def level(mote: SimulatedMote, pin: int) -> int | None:
    try:
        found = json.loads((mote.folder / "pins.json").read_text()).get(str(pin))
    except FileNotFoundError:
        return None
    assert found is None or isinstance(found, int)
    return found


def driven(folder: Path, pin: int) -> list[int]:
    """All that a pin has driven, over resets, oldest first."""
    lines = [line.split() for line in (folder / "driven").read_text().splitlines()]
    return [int(what) for _, number, what in lines if int(number) == pin]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.stage.close()


def test_every_switch_is_told_in_a_record(site: Site):
    for name in MOTES:
        for actuator in ("relay", "other"):
            site.stage.wait(lambda name=name, actuator=actuator: site.told(name, actuator))
            assert site.told(name, actuator) == [True]


def test_watchdog_that_bites_leaves_actuators_safe_and_brings_back_what_is_kept(site: Site):
    mote = site.motes["bitten"]
    assert (level(mote, RELAY), level(mote, OTHER)) == (1, 1)
    mote.bite()
    site.stage.wait(lambda: mote.restarts == 1 and driven(mote.folder, OTHER) == [0, 1, 0, 1])
    assert driven(mote.folder, RELAY) == [0, 1, 0], "safe before it is anything else, and not brought back"


def test_program_that_fails_leaves_actuators_safe_before_it_waits_for_its_reset(site: Site):
    mote = site.motes["failed"]
    assert (level(mote, RELAY), level(mote, OTHER)) == (1, 1)
    (mote.folder / "flash" / "fail").mkdir()
    (mote.folder / "flash" / "fail" / "now").touch()
    site.stage.wait(lambda: any("a bug of a driver" in line for line in list(mote.console)))
    assert mote.restarts == 0, "it waits"
    assert (level(mote, RELAY), level(mote, OTHER)) == (0, 0)


def test_lost_link_makes_safe_what_needs_it_and_is_told_when_the_link_is_back(site: Site):
    mote, stage = site.motes["lost"], site.stage
    assert (level(mote, RELAY), level(mote, OTHER)) == (1, 1)
    stage.broker.stop()
    stage.wait(lambda: level(mote, RELAY) == 0)
    assert any("warning actuators: made safe: relay:link" in line for line in list(mote.console))
    assert level(mote, OTHER) == 1, "it does not need a link"
    assert mote.restarts == 0
    stage.broker.start()
    stage.wait(lambda: any(each.state.held == ("relay:link",) for each in stage.of(StateSeen, "lost")))
    stage.wait(lambda: site.told("lost", "relay") == [True, False])
    assert level(mote, RELAY) == 0, "it does not come back by itself"
    site.command("lost", "relay")


SWITCHES = """
import time
from mote import actuators, log, uptime
from mote.actuators.kept import Kept
from mote.kinds import ACTUATOR
from mote.schema import check
kept = Kept(1, uptime.ms, log.warn)
kept._written = None
spec = {"kind": "relay", "name": "pump", "pin": 12, "safe": 0, "keep": True}
pump = actuators.create(check(spec, ACTUATOR, ""), 0, uptime.ms, kept)
print("kept", kept.get("pump"))
pump.restore()
n = 0
while True:
    n = 1 - n
    kept._written = None  # as if ten seconds were over
    print("asks", n)
    print("is", pump.set(n))
    time.sleep_ms(5)
"""


def test_power_that_goes_at_any_instant_of_a_switch_leaves_the_state_before_or_after_it(tmp_path: Path):
    board = BoardProcess(tmp_path, faults=True)
    (tmp_path / "flash" / "boot.py").write_bytes((ROOT / "boot.py").read_bytes())
    (tmp_path / "flash" / "pins").write_bytes(pins.pack([(RELAY, 0, 0)]))
    (tmp_path / "flash" / "main.py").write_text(SWITCHES)
    chance = random.Random(12)
    possible: set[str] = {"None"}
    seen = set()
    for number in range(40):
        if number >= 8 and len(seen) == 2:
            break
        before = len(driven(tmp_path, RELAY)) if (tmp_path / "driven").exists() else 0
        (tmp_path / "rtc").unlink(missing_ok=True)
        (tmp_path / "reset_cause").unlink(missing_ok=True)
        process = board.start()
        assert process.stdout is not None
        first = process.stdout.readline().split()
        assert first[0] == "kept", first
        assert first[1] in possible
        seen.add(first[1])
        process.stdout.readline()
        time.sleep(chance.random() / 20)
        process.kill()
        said = [line.split() for line in process.stdout.read().splitlines() if line.endswith(("0", "1"))]
        process.wait()
        assert driven(tmp_path, RELAY)[before] == 0, "safe first"
        # The last that it is, and the one that it was asked for.
        states = [value for word, value in said if word == "is"][-1:] + [value for _, value in said][-1:]
        possible = {{"0": "None", "1": "1"}[each] for each in states} or {"None", "1"}
    assert seen == {"None", "1"}
