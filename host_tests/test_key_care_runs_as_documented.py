"""The functions of docs/OPERATIONS.md that rotate and revoke, run as they are written there, on a mote that runs."""

import re
from pathlib import Path

import pytest
from ironmote.gateway import MessageRefused, MoteConfirmed, MoteRevoked, RecordSeen, RootRotated
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import sealed
from running import Stage

DOCUMENT = Path(__file__).parent.parent / "docs" / "OPERATIONS.md"
SECTION = DOCUMENT.read_text(encoding="utf-8").split("## Keys: ")[1].split("\n## ")[0]


class Owner:
    """A stage whose mote shows tokens, and the document's functions with a `save` that counts."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder, connect="token")
        self.saved = 0
        (example,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
        self.functions: dict = {"save": self._save}
        exec(example, self.functions)
        self.gateway = self.stage.start_gateway()
        self.stage.mote().start()
        self.stage.wait(lambda: self.stage.of(MoteConfirmed))
        (self.roster,) = folder.rglob("roster.json")

    def _save(self, fleet) -> None:
        assert fleet is self.stage.fleet
        self.saved += 1

    def call(self, name: str) -> None:
        self.functions[name](self.stage.fleet, self.gateway, "cellar", str(self.roster))

    def sessions(self) -> int:
        return sum("connected, session" in line for line in list(self.stage.motes["cellar"].console))


@pytest.fixture
def owner(tmp_path: Path):
    owner = Owner(tmp_path)
    yield owner
    owner.stage.close()


def test_rotation_as_documented_leaves_the_mote_heard_and_one_key_in_the_fleet_and_the_roster(owner: Owner):
    stage, mote = owner.stage, owner.stage.fleet.motes["cellar"]
    before = mote.root
    owner.call("rotate")
    told = stage.wait(lambda: stage.of(RootRotated))[0]
    assert owner.saved == 1
    owner.functions["on_event"](told, stage.fleet, str(owner.roster))
    assert owner.saved == 2
    assert (mote.generation, mote.successor, mote.root != before) == (2, None, True)
    (key,) = re.findall(r"[0-9a-f]{64}", owner.roster.read_text())
    assert bytes.fromhex(key) == mote.connect_key(stage.fleet.id)
    stage.wait(lambda: len(stage.of(MoteConfirmed)) > 1)
    seen = len(stage.of(RecordSeen))
    stage.links["cellar"].cut()
    sessions = owner.sessions()
    stage.wait(lambda: owner.sessions() > sessions)
    stage.wait(lambda: len(stage.of(RecordSeen)) > seen and stage.of(RecordSeen)[-1].confirmed)


@pytest.mark.parametrize("during_a_rotation", [False, True])
def test_revocation_as_documented_shuts_the_mote_out_until_it_has_the_fleets_new_root(
    owner: Owner, during_a_rotation: bool
):
    stage = owner.stage
    if during_a_rotation:
        owner.call("rotate")
        stage.wait(lambda: stage.of(RootRotated))  # and nobody has finished it
    owner.call("revoke")
    stage.wait(lambda: stage.of(MoteRevoked))
    old = stage.motes["cellar"]
    stage.wait(lambda: any("link: not let in" in line for line in list(old.console)))
    old.stop()
    stage.stop_gateway()
    stage.events.clear()
    owner.gateway = stage.start_gateway()  # with the fleet as it is now
    last = [m for d, m in stage.links["cellar"].sealed() if sealed.parse(m, sealed.MAX_UP).kid == sealed.UPLINK][-1]
    replayed(stage, last)
    stage.wait(lambda: stage.of(MessageRefused))
    stage.folder = stage.folder / "another"  # board, provisioned by cable
    stage.folder.mkdir()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed) and stage.of(RecordSeen) and stage.of(RecordSeen)[-1].confirmed)
    assert stage.fleet.motes["cellar"].generation == 2 + during_a_rotation


def replayed(stage: Stage, payload: bytes) -> None:
    """What a thief could say who got round the broker, given to the gateway itself."""
    zone = next(each for each in stage.gateway._zones if each.access.prefix == "sealed")
    stage.gateway._inbox.arrived(zone, Message("clear", "sealed", "sealed/cellar/up", payload), Receipt(0, 1, -1))
