"""A mote that sleeps deeply keeps its counters in RTC memory; whatever becomes of that, no nonce comes twice.

Running motes, a real broker; every sealed message that leaves a board is seen by an eavesdropper on its link.
"""

import json
import shutil
import threading
from pathlib import Path

import clients
import pytest
from ironmote.demo.wire import Direction, Kind
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, RecordSeen
from mote import sealed
from running import Stage, check_never_repeated, payload_of, vault_file

pytestmark = pytest.mark.long

SLEEP = {"sleep_ms": 3000, "listen_ms": 300}
RTC_HEAD = 8 + 72  # the simulated clock's offset, and what guard, ledger and trial own


def asleep(mote) -> bool:
    """True while the board sleeps; its files can be changed then, and whatever is changed is what it wakes with."""
    try:
        return (mote.folder / "reset_cause").read_text() == "DEEPSLEEP_RESET" and not running(mote)
    except OSError:
        return False


def running(mote) -> bool:
    return mote.pid is not None


def falls_asleep(stage: Stage, mote, times: int = 1) -> None:
    """Wait until the board has fallen asleep, `times` times."""
    for number in range(times):
        if number or not asleep(mote):
            stage.wait(lambda: not asleep(mote))
        stage.wait(lambda: asleep(mote))


def boots(messages) -> list[int]:
    """The boot counters of the uplinks, in the order of their first use."""
    found: list[int] = []
    for direction, message in messages:
        boot = sealed.split_epoch(sealed.parse(message, sealed.MAX_UP).epoch)[1]
        if direction is Direction.UP and boot not in found:
            found.append(boot)
    return found


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_epoch_goes_on_over_sleep_and_costs_no_flash(tmp_path: Path, board: str):
    stage = Stage(tmp_path, board=board)
    try:
        stage.start_gateway()
        mote = stage.mote(**SLEEP)
        mote.start()
        falls_asleep(stage, mote)
        slot = vault_file(mote, "boot1").stat().st_mtime_ns
        stage.wait(lambda: len(stage.of(RecordSeen)) >= 4)
        assert mote.restarts >= 3
        messages = stage.links["cellar"].sealed()
        check_never_repeated(messages)
        assert boots(messages) == [1]
        assert [(each.boot, each.number) for each in stage.of(RecordSeen)] == [(1, n) for n in range(1, 5)]
        assert vault_file(mote, "boot1").stat().st_mtime_ns == slot
        assert stage.of(MoteConfirmed) == [MoteConfirmed("cellar", 1)]
    finally:
        stage.close()


def test_command_waits_for_a_sleeper_and_is_obeyed_once(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**SLEEP)
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    falls_asleep(stage, mote)
    lost = []

    def lose_the_answer_once(direction, packet):
        if direction is Direction.UP and packet.topic.endswith("/ack") and not lost:
            lost.append(packet)
            threading.Thread(target=stage.links["cellar"].cut).start()
            return False
        return True

    stage.links["cellar"].judge = lose_the_answer_once
    stage.gateway.send("cellar", "relay", True, within_s=30)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert ended.result == "done"
    assert lost
    check_never_repeated(stage.links["cellar"].sealed())


def test_recorded_command_does_not_act_again_on_a_mote_that_slept(stage: Stage):
    """The broker has the command, and says it to the mote each time it wakes."""
    stage.start_gateway()
    mote = stage.mote(**SLEEP)
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.gateway.send("cellar", "relay", True, within_s=30)
    assert stage.wait(lambda: stage.of(CommandEnded))[0].result == "done"
    packets = stage.links["cellar"].packets

    def delivered() -> list[bytes]:
        return [payload_of(p.data) for d, p in list(packets) if d is Direction.DOWN and p.kind is Kind.MQTT_PUBLISH]

    recorded = delivered()[-1]
    falls_asleep(stage, mote)
    before = delivered().count(recorded)
    (access,) = [each for each in stage.broker.gateway if each.prefix == "sealed"]
    broker = clients.Client("", username=access.username, password=access.password, transport=access.transport)
    broker.tls(access.ca_file, access.cert_file, access.key_file)
    assert broker.connect(access.host, access.port)

    def said_in_two_wakings() -> bool:
        broker.publish("sealed/cellar/down", recorded)
        return delivered().count(recorded) > before + 5 and mote.restarts >= woken + 2

    woken = mote.restarts
    stage.wait(said_in_two_wakings)
    broker.disconnect()
    stage.gateway.send("cellar", "relay", False, within_s=30)
    stage.wait(lambda: len(stage.of(CommandEnded)) > 1)
    assert [each.result for each in stage.of(CommandEnded)] == ["done", "done"]
    assert sum("relay done" in line for line in list(mote.console)) == 2
    check_never_repeated(stage.links["cellar"].sealed())


def rewrite(name: str, content: bytes | str):
    def act(stage, mote):
        data = content.encode() if isinstance(content, str) else content
        (mote.folder / name).write_bytes(data)

    return act


def flip(bit: int):
    def act(stage, mote):
        memory = bytearray((mote.folder / "rtc").read_bytes())
        memory[RTC_HEAD + bit // 8] ^= 1 << bit % 8
        (mote.folder / "rtc").write_bytes(memory)

    return act


def cut_short(stage, mote):
    memory = (mote.folder / "rtc").read_bytes()
    (mote.folder / "rtc").write_bytes(memory[:-1])


def old_image(stage, mote):
    """The memory of this sleep now, and back again two sleeps later, all else being as it should."""
    memory = (mote.folder / "rtc").read_bytes()
    falls_asleep(stage, mote, 2)
    assert (mote.folder / "rtc").read_bytes()[RTC_HEAD:] != memory[RTC_HEAD:]
    (mote.folder / "rtc").write_bytes(memory)


def memory_of_an_earlier_epoch(stage, mote):
    """The memory of this sleep again, after a power cut and another sleep in the next epoch."""
    memory = (mote.folder / "rtc").read_bytes()
    (mote.folder / "reset_cause").write_text("PWRON_RESET")
    falls_asleep(stage, mote)
    (mote.folder / "rtc").write_bytes(memory)


# What happens to a sleeping board, and whether it must begin another epoch: always, when it is not plainly the sleep.
CASES = {
    "watchdog": rewrite("reset_cause", "WDT_RESET"),
    "reset": rewrite("reset_cause", "HARD_RESET"),
    "soft": rewrite("reset_cause", "SOFT_RESET"),
    "power": rewrite("reset_cause", "PWRON_RESET"),
    "no-memory": rewrite("rtc", bytes(8)),
    "zeros": rewrite("rtc", bytes(200)),
    "flip-magic": flip(3),
    "flip-epoch": flip(8 * 8),
    "flip-sequence": flip(8 * 24 + 1),
    "flip-down": flip(8 * 31),
    "flip-last": flip(8 * 50),
    "short": cut_short,
    "old-image": old_image,
    "old-epoch": memory_of_an_earlier_epoch,
}


def test_memory_that_is_not_of_this_sleep_begins_another_epoch(tmp_path: Path):
    stage = Stage(tmp_path, tuple(CASES))
    try:
        stage.start_gateway()
        failures: list[str] = []

        def live(name: str) -> None:
            try:
                mote = stage.mote(name, **SLEEP)
                mote.start()
                falls_asleep(stage, mote, 2)
                CASES[name](stage, mote)
                falls_asleep(stage, mote, 2)
            except BaseException as error:
                failures.append(f"{name}: {error!r}")

        lives = [threading.Thread(target=live, args=(name,)) for name in CASES]
        for each in lives:
            each.start()
        for each in lives:
            each.join()
        assert failures == []
        for name in CASES:
            messages = stage.links[name].sealed()
            check_never_repeated(messages)
            expected = [1, 2, 3] if name == "old-epoch" else [1, 2]
            assert boots(messages)[: len(expected)] == expected, name
    finally:
        stage.close()


POINTS = 10


def test_crash_between_wake_and_sleep_begins_another_epoch(tmp_path: Path):
    names = tuple(f"mote-{number}" for number in range(POINTS))
    stage = Stage(tmp_path, names)
    try:
        stage.start_gateway()
        bitten: set[str] = set()

        def watch(name: str, at: int):
            """The watchdog bites at the packet numbered `at` of the second waking."""
            seen = {"connects": 0, "packets": 0}

            def judge(direction, packet):
                seen["connects"] += packet.kind is Kind.MQTT_CONNECT
                if seen["connects"] >= 2 and name not in bitten:
                    if seen["packets"] == at:
                        bitten.add(name)
                        stage.motes[name].bite()
                    seen["packets"] += 1
                return True

            return judge

        for number, name in enumerate(names):
            stage.links[name].judge = watch(name, number)
            stage.mote(name, sleep_ms=3000, listen_ms=1500).start()
        stage.wait(lambda: len(bitten) == POINTS, 90)
        for name in names:
            falls_asleep(stage, stage.motes[name])
        falls_asleep(stage, stage.motes[names[0]])
        reset = [name for name in names if any("watchdog" in line for line in stage.motes[name].console)]
        assert len(reset) >= POINTS - 2  # the last packets may come when the board sleeps already
        for name in names:
            messages = stage.links[name].sealed()
            check_never_repeated(messages)
            if name in reset:
                assert boots(messages) == [1, 2], name
    finally:
        stage.close()


def test_board_with_a_copy_of_flash_and_memory_repeats_nothing_and_is_told_apart(tmp_path: Path):
    stage = Stage(tmp_path, ("cellar", "attic"))
    try:
        stage.start_gateway()
        mote, thief = stage.mote("cellar", **SLEEP), stage.mote("attic", **SLEEP)
        mote.start()
        thief.start()
        stage.wait(lambda: asleep(mote) and asleep(thief))
        # Another chip with all that can be copied, asleep as the first one was.
        shutil.copytree(mote.folder / "flash" / "secrets", thief.folder / "flash" / "secrets", dirs_exist_ok=True)
        settings = (mote.folder / "flash" / "settings.cbor").read_bytes()
        (thief.folder / "flash" / "settings.cbor").write_bytes(settings)
        (thief.folder / "rtc").write_bytes((mote.folder / "rtc").read_bytes())
        ids = [json.loads((each.folder / "board.json").read_text())["unique_id"] for each in (mote, thief)]
        assert ids[0] != ids[1]
        # The copy speaks through the first one's link from here on, under its name.
        stage.wait(lambda: 2 in boots(stage.links["cellar"].sealed()))
        stage.wait(lambda: asleep(mote))
        (mote.folder / "reset_cause").write_text("HARD_RESET")  # and the first one begins its second epoch too
        stage.wait(lambda: [each for each in stage.of(MessageRefused) if "copied or set back" in each.why])
        check_never_repeated(stage.links["cellar"].sealed())
    finally:
        stage.close()
