"""A board that lived before, provisioned again by cable: it speaks under its new key and takes nothing of an old one.

Boards, broker and gateway are real. The attacker has the root key of the earlier life, and is the broker as well: it
sees what crosses and publishes to the mote what it likes.
"""

import os
import shutil
import struct
from pathlib import Path

import clients
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from ironmote import boards, device, provision, rotation
from ironmote.board_folder import BoardFolder
from ironmote.demo.wire import Direction, Kind
from ironmote.gateway import CommandEnded, MoteConfirmed, MoteRevoked, RecordSeen, RootKept, RootRotated, Successor
from ironmote.gateway.members import successor_of
from ironmote.simulate import SimulatedMote
from mote import command, epoch, keys, roots, sealed
from running import Stage, payload_of, vault_file, will_of

pytestmark = pytest.mark.long

DOWN = "sealed/cellar/down"
STOLEN = bytes(range(32))  # the root key that the attacker gave the mote
FAR = 200  # and its generation, ahead of all that the owner will ever count


def connects(stage: Stage, since: int) -> list[bytes]:
    packets = stage.links["cellar"].packets[since:]
    return [each.data for direction, each in packets if direction is Direction.UP and each.kind is Kind.MQTT_CONNECT]


def password_of(connect: bytes) -> str:
    """The last field of a CONNECT."""
    at = 1
    while connect[at] & 0x80:
        at += 1
    at += 11
    for _ in range(5):  # client id, topic and message of the will, user name; then the password
        size = struct.unpack_from(">H", connect, at)[0]
        field = connect[at + 2 : at + 2 + size]
        at += 2 + size
    assert at == len(connect)
    return field.decode()


class Attack:
    """Somebody with a mote's root key, and a session of the gateway's rights."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.root = stage.fleet.motes["cellar"].root
        (access,) = [each for each in stage.broker.gateway if each.prefix == "sealed"]
        self.broker = clients.Client("", username=access.username, password=access.password, transport=access.transport)
        self.broker.tls(access.ca_file, access.cert_file, access.key_file)
        assert self.broker.connect(access.host, access.port)
        self._count = 1000

    def update(self, root: bytes, generation: int) -> bytes:
        return roots.seal_update(root, self.stage.fleet.id, "cellar", generation, STOLEN, os.urandom(8), AESCCM)

    def latest(self) -> sealed.Envelope:
        """What the mote said last."""
        said = [each for direction, each in self.stage.links["cellar"].sealed() if direction is Direction.UP]
        return next(each for each in (sealed.parse(one, sealed.MAX_UP) for one in said[::-1]) if each.kid == b"\x01")

    def say(self, root: bytes, at: bytes, name: str, value: object) -> None:
        """Publish a command to the mote, sealed under `root` in the epoch `at`."""
        self._count += 1
        key = keys.subkey(root, self.stage.fleet.id, keys.SEAL)
        order = command.encode_command_cbor(
            command.Command(os.urandom(8), name, value, self.latest().sequence, None, None)
        )
        context = sealed.Context(key, self.stage.fleet.id, b"\x02attack", at, AESCCM)
        self.broker.publish(DOWN, context.seal(self._count, b"cellar/down", order))


@pytest.mark.parametrize("erased", [True, False], ids=["erased", "left on the board"])
def test_key_of_an_earlier_life_is_neither_used_nor_obeyed(tmp_path: Path, erased: bool):
    stage = Stage(tmp_path, connect="token")
    attack = None
    try:
        # The earlier life: a stolen root key, with which the attacker gives the mote one of a generation far ahead.
        stage.start_gateway()
        mote = stage.mote()
        mote.start()
        stage.wait(lambda: stage.of(MoteConfirmed) and stage.of(RecordSeen))
        attack = Attack(stage)
        attack.say(attack.root, attack.latest().epoch, command.ROTATE, attack.update(attack.root, FAR))
        stage.wait(lambda: any(f"generation {FAR}" in line for line in mote.console))
        stage.wait(lambda: attack.latest().epoch[0] == FAR)
        far = attack.latest().epoch
        stage.gateway.revoke("cellar")
        stage.wait(lambda: stage.of(MoteRevoked))
        mote.stop()
        stage.stop_gateway()
        stage.events.clear()
        stale = vault_file(mote, "root2").read_bytes()
        assert stale == roots.slot(1, FAR, STOLEN)

        # By cable, at a moment at which the broker knows no password but the old one.
        of = stage.fleet.motes["cellar"]
        of.generation, of.root = 2, os.urandom(32)
        since = len(stage.links["cellar"].packets)
        mote = stage.mote()
        assert vault_file(mote, "root2").read_bytes() == bytes(roots.SIZE)
        if not erased:
            vault_file(mote, "root2").write_bytes(stale)
        mote.start()
        stage.wait(lambda: len(connects(stage, since)) >= 4)
        for each in connects(stage, since):
            shown = password_of(each)
            assert shown == keys.connect_password(
                of.connect_key(stage.fleet.id), "cellar", of.zone, int(shown.split(".")[1])
            )
        stage.broker.admit(stage.fleet)
        stage.start_gateway()
        stage.wait(lambda: stage.of(MoteConfirmed) and stage.of(RecordSeen) and stage.of(RecordSeen)[-1].confirmed)

        # Nothing under the old keys is obeyed, whatever epoch it claims; a gateway gone bad hands on no old update.
        now = attack.latest().epoch
        assert now[0] == 2
        for root in (attack.root, STOLEN):
            for at in (now, far):
                attack.say(root, at, "relay", True)
                attack.say(root, at, command.ROTATE, attack.update(root, FAR + 1))
        for root in (attack.root, STOLEN):
            stage.gateway.rotate("cellar", Successor(FAR + 1, bytes(32), attack.update(root, FAR + 1)))
            ended = stage.wait(lambda: stage.of(RootKept))
            assert [each.why for each in ended] == ["does not verify"]
            stage.events.clear()
            stage.wait(lambda: stage.of(RecordSeen))
        assert any("refused:" in line for line in mote.console)
        assert not any("relay" in line for line in mote.console)
        stage.gateway.send("cellar", "relay", True)
        assert [each.result for each in stage.wait(lambda: stage.of(CommandEnded))] == ["done"]
        messages = [each for direction, each in stage.links["cellar"].packets[since:] if direction is Direction.UP]
        wills = [will_of(each.data) for each in messages if each.kind is Kind.MQTT_CONNECT]
        said = [payload_of(each.data) for each in messages if each.kind is Kind.MQTT_PUBLISH]
        assert {sealed.parse(each, sealed.MAX_UP).epoch[0] for each in wills + said} == {2}

        # The next true rotation puts the stale key's place to use.
        rotation.begin(of)
        stage.broker.admit(stage.fleet)
        stage.gateway.rotate("cellar", successor_of(of, stage.fleet.id))
        stage.wait(lambda: RootRotated("cellar", 3) in stage.of(RootRotated))
        assert vault_file(mote, "root2").read_bytes() == roots.slot(2, 3, of.successor)
    finally:
        if attack is not None:
            attack.broker.disconnect()
        stage.close()


class Cable:
    """A board in its earlier life, whose key came over the air, and the plan of the life that shall follow."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.of = stage.fleet.motes["cellar"]
        self.earlier = stage.mote()
        self.profile = boards.load(self.of.board)
        vault_file(self.earlier, "root2").write_bytes(roots.slot(1, 2, STOLEN))
        self.of.generation, self.of.root = 3, os.urandom(32)
        settings = dict(self.earlier.settings) | {"generation": 3}
        self.plan = provision.plan(
            device.build_flash(self.profile, settings, {}), provision.secrets_for(self.of, b"password")
        )

    def life_after(self, writes) -> tuple[int, bytes] | str:
        """Carry out `writes` on a copy of the board, and switch it on.

        Gives the generation that it speaks under and the root key of that, or what it says where it does not speak.
        """
        folder = self.stage.folder / "copy"
        shutil.copytree(self.earlier.folder, folder)
        BoardFolder(folder, self.profile).provision(writes)
        mote = SimulatedMote(self.profile, self.earlier.settings, {}, {}, folder)
        since = len(self.stage.links["cellar"].packets)
        mote.start()
        try:
            self.stage.wait(lambda: connects(self.stage, since) or not mote.alive)
            found = connects(self.stage, since)
            if not found:
                return mote.console[-1]
        finally:
            mote.stop()
            shutil.rmtree(folder)
        will = sealed.parse(will_of(found[0]), sealed.MAX_UP)
        for root in (STOLEN, self.of.root):
            key = keys.subkey(root, self.stage.fleet.id, keys.SEAL)
            context = sealed.Context(key, self.stage.fleet.id, will.kid, will.epoch, AESCCM)
            try:
                context.open(will, b"cellar/state")
            except sealed.Refused:
                continue
            return will.epoch[0], root
        raise AssertionError("it speaks under no key that it was ever given")


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_cable_pulled_at_any_write_leaves_the_earlier_life_or_silence_or_the_new_life(tmp_path: Path, board: str):
    stage = Stage(tmp_path, board=board)
    try:
        cable = Cable(stage)
        plan = cable.plan
        # Code is the same in both lives: of a run of modules the last one is enough.
        ends = [at for at in range(2, len(plan)) if not plan[at - 1].name.startswith("/lib/") or at == len(plan) - 1]
        assert cable.life_after(()) == (2, STOLEN)
        assert cable.life_after(plan[:1]) == (2, STOLEN), "with nothing to go back to, and else whole"
        for end in ends:
            said = cable.life_after(plan[:end])
            assert isinstance(said, str), (end, said)
            assert "stopped:" in said, (end, said)
        settings = plan[-1].content
        for size in (1, len(settings) // 2, len(settings) - 1):
            torn = provision.Write(plan[-1].place, plan[-1].name, settings[:size])
            assert "stopped:" in cable.life_after((*plan[:-1], torn))
        assert cable.life_after(plan) == (3, cable.of.root)
        print(f"{board}: {len(plan)} writes, the cable pulled after {len(ends)} of them")
    finally:
        stage.close()


def test_board_whose_boot_counter_is_spent_counts_from_the_start_in_its_next_life(tmp_path: Path):
    stage = Stage(tmp_path)
    try:
        mote = stage.mote()
        vault_file(mote, "boot1").write_bytes(epoch.slot(1, 0xFFFFFFFF))
        mote.start()
        stage.wait(lambda: not mote.alive)
        assert any("spent; provision this mote again" in line for line in mote.console)
        of = stage.fleet.motes["cellar"]
        of.generation, of.root = 2, os.urandom(32)
        stage.mote().start()
        stage.wait(lambda: connects(stage, 0))
        assert sealed.parse(will_of(connects(stage, 0)[0]), sealed.MAX_UP).epoch[:5] == bytes((2, 0, 0, 0, 1))
    finally:
        stage.close()


def test_board_is_mute_from_the_first_write_to_the_last():
    files = {"/main.py": b"main", "/settings.cbor": b"settings", "/boot.py": b"boot"}
    plan = provision.plan(files, {"wifi": b"w", "root": b"r" * 32, "key": b"k"})
    written = [(each.place.value, each.name, each.content) for each in plan]
    assert written == [
        ("flash", "/settings.last", b""),
        ("flash", "/settings.cbor", b""),
        ("vault", "root2", bytes(roots.SIZE)),
        ("vault", "root", b"r" * 32),
        ("vault", "wifi", b"w"),
        ("vault", "key", b"k"),
        ("flash", "/main.py", b"main"),
        ("flash", "/boot.py", b"boot"),
        ("flash", "/settings.cbor", b"settings"),
    ]
    assert not any(secret in repr(plan) for secret in ("rrr", "b'w'", "b'k'"))


def test_mote_that_has_no_root_key_any_more_keeps_none_of_an_earlier_life():
    plan = provision.plan({"/settings.cbor": b"settings"}, {"wifi": b"w"})
    kept = {each.name: each.content for each in plan if each.place is provision.Place.VAULT}
    assert kept == {"root": bytes(roots.SIZE), "root2": bytes(roots.SIZE), "wifi": b"w"}
