"""A mote that sleeps deeply and sends at one waking of several: nothing is lost in silence, nothing used in between.

Running motes, a real broker. The simulated board notes each write to its flash and each time its radio comes on.
"""

import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from ironmote import wake_cost
from ironmote.demo.wire import Direction, Kind
from ironmote.gateway import RecordSeen, RecordsMayBeMissing
from running import Stage, check_never_repeated, records_taken
from test_deep_sleep_never_repeats_a_nonce import boots, falls_asleep

pytestmark = pytest.mark.long

# A minute of sleep is not waited for, but for the moment in which a test looks at the board.
SLEEPER = {"sleep_ms": 60_000, "longest_sleep_s": 0.3, "listen_ms": 100, "ntp": "time.example", "faults": True}
# Five readings whose names are as long as names get: two such records are all that an ESP8266 keeps in RTC memory.
LONG = [
    {"kind": "bme280", "address": 118, "names": {each: each.ljust(32, "x") for each in ("temperature", "humidity")}},
    {"kind": "bh1750", "address": 35, "names": {"illuminance": "illuminance".ljust(32, "x")}},
]


def used(mote) -> list[str]:
    """What the board has used since it was made: `radio`, `flash <path>`, `nvs <key>`.

    The clock's floor is left out: the first command that verifies raises it, in whatever session, then once a day.
    """
    try:
        return [line for line in (mote.folder / "used").read_text().splitlines() if "floor" not in line]
    except FileNotFoundError:
        return []


def numbers(stage: Stage, boot: int = 1) -> list[int]:
    return [each.number for each in stage.of(RecordSeen) if each.boot == boot]


def connects(stage: Stage) -> int:
    return sum(
        direction is Direction.UP and packet.kind is Kind.MQTT_CONNECT
        for direction, packet in list(stage.links["cellar"].packets)
    )


def session_bytes(stage: Stage, number: int) -> tuple[int, int]:
    """The bytes up and down of one session, the first being 0, as an eavesdropper on the link counted them."""
    at = -1
    counted = {Direction.UP: 0, Direction.DOWN: 0}
    for direction, packet in list(stage.links["cellar"].packets):
        at += direction is Direction.UP and packet.kind is Kind.MQTT_CONNECT
        counted[direction] += len(packet.data) * (at == number)
    return counted[Direction.UP], counted[Direction.DOWN]


def taken_s(mote) -> list[float]:
    """When the one sensor of a mote was read, as the simulated board noted it, in seconds since 1970."""
    lines = [line.split() for line in (mote.folder / "taken").read_text().splitlines()]
    return [int(ms) / 1000 for ms, value in lines if value != "-1"]


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_every_fourth_waking_sends_all_with_the_times_at_which_they_were_taken(tmp_path: Path, board: str):
    stage = Stage(tmp_path, board=board)
    try:
        stage.start_gateway()
        mote = stage.mote(**SLEEPER, send_every=4)
        mote.start()
        falls_asleep(stage, mote)
        written = [each for each in used(mote) if each != "radio"]
        stage.wait(lambda: len(numbers(stage)) >= 9)
        falls_asleep(stage, mote)
        # The first start sends one; then three wakings take a record and the fourth sends all four.
        assert numbers(stage) == list(range(1, len(numbers(stage)) + 1))
        assert len(numbers(stage)) % 4 == 1
        sendings = 1 + len(numbers(stage)) // 4
        assert connects(stage) == used(mote).count("radio") == sendings
        assert [each for each in used(mote) if each != "radio"] == written, "a waking wrote to flash"
        messages = stage.links["cellar"].sealed()
        check_never_repeated(messages)
        assert boots(messages) == [1]
        computed = wake_cost.session(mote.settings, "sealed", 4)
        up, down = session_bytes(stage, 1)
        assert 0.95 * up < computed.up < 1.05 * up, (computed, up)
        assert computed.down == down
        assert wake_cost.cost(mote.settings, "sealed", mote.profile.chip).flash_writes == 0
        for seen, at in zip(stage.of(RecordSeen), taken_s(mote), strict=False):
            assert seen.taken is not None
            assert abs(seen.taken - at) <= 3, (seen, at)
    finally:
        stage.close()


def test_memory_that_is_full_goes_into_flash_in_one_piece_and_all_of_it_is_sent(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**SLEEPER, send_every=10, sensors=LONG)
    mote.start()
    falls_asleep(stage, mote)
    begun = len(used(mote))
    stage.wait(lambda: len(numbers(stage)) >= 11)
    assert sorted(numbers(stage)[:11]) == list(range(1, 12))
    wrote = Counter(used(mote)[begun:])
    segments = sum(count for what, count in wrote.items() if "backlog" in what)
    computed = wake_cost.cost(mote.settings, "sealed", mote.profile.chip)
    assert segments == computed.flash_writes / computed.sessions, (wrote, computed)
    assert 2 <= segments <= 5, wrote  # nine records, two or three to a piece: never a write for each
    assert not [what for what in wrote if what != "radio" and "backlog" not in what]
    assert connects(stage) == 2
    check_never_repeated(stage.links["cellar"].sealed())


def test_mote_with_no_flash_for_records_sends_early_when_its_memory_is_full(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**SLEEPER, send_every=1000, sensors=LONG, backlog=0)
    mote.start()
    stage.wait(lambda: connects(stage) >= 3)
    stage.wait(lambda: len(numbers(stage)) >= 5)
    assert numbers(stage) == list(range(1, len(numbers(stage)) + 1))
    check_never_repeated(stage.links["cellar"].sealed())


def test_alarm_that_changes_is_sent_at_once(tmp_path: Path, stage: Stage):
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"20,40,{light}\n" for light in [10, 10, 900, 900, 450, 450] + [10] * 200))
    stage.start_gateway()
    world = {"kind": "replay", "rows": str(rows)}
    mote = stage.mote(
        **SLEEPER, world=world, send_every=1000, values=[{"name": "light", "above": 500, "hysteresis": 100}]
    )
    mote.start()
    stage.wait(lambda: len(numbers(stage)) >= 3)
    assert connects(stage) == 2
    (alarmed,) = [each for each in stage.of(RecordSeen) if ("light:high", True) in names_and_values(each)]
    assert alarmed.number == 3
    stage.wait(lambda: len(numbers(stage)) >= 7)
    assert [each.number for each in stage.of(RecordSeen) if "light:high" in dict(names_and_values(each))] == [1, 3, 7]
    assert connects(stage) == 3
    check_never_repeated(stage.links["cellar"].sealed())


def names_and_values(seen: RecordSeen) -> list[tuple[str, object]]:
    return [(each.name, each.value) for each in seen.readings]


def test_reset_in_a_waking_that_sends_nothing_loses_no_record(stage: Stage):
    """The watchdog's, or the button's: RTC memory is still there, and not believed for what is sealed."""
    stage.start_gateway()
    mote = stage.mote(**SLEEPER, send_every=1000)
    mote.start()
    falls_asleep(stage, mote, 4)
    (mote.folder / "reset_cause").write_text("WDT_RESET")
    took = records_taken(mote)[1, 1]
    assert took >= 4
    stage.wait(lambda: len(numbers(stage)) >= took)
    assert sorted(numbers(stage)) == list(range(1, took + 1))
    stage.wait(lambda: numbers(stage, 2))
    messages = stage.links["cellar"].sealed()
    check_never_repeated(messages)
    assert boots(messages) == [1, 2]
    assert not stage.gateway.lost


def test_power_cut_loses_what_memory_held_and_it_is_announced(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**SLEEPER, send_every=1000)
    mote.start()
    falls_asleep(stage, mote, 3)
    mote.stop()
    assert numbers(stage) == [1]
    mote.start()
    assert stage.wait(lambda: stage.of(RecordsMayBeMissing)) == [RecordsMayBeMissing("cellar", 1, 1, 2)]


def test_broker_that_is_gone_is_tried_less_and_less_often_and_gets_everything_in_the_end(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**SLEEPER, timeout_ms=500)
    mote.start()
    stage.wait(lambda: len(numbers(stage)) >= 2)
    falls_asleep(stage, mote)
    process = stage.broker.processes[1]
    process._process.send_signal(signal.SIGKILL)
    process.stop()

    def put_off() -> list[int]:
        """For how many wakings each sending that failed was put off, as the first waking after it says."""
        said = [re.search(r"nap: .*, (\d+) more wakings", line) for line in list(mote.console)]
        left = [int(each[1]) for each in said if each]
        return [each for before, each in zip([0, *left], left, strict=False) if each > before]

    stage.wait(lambda: len(put_off()) >= 2)
    assert put_off()[:2] == [2, 6]  # of 4 and 8 wakings this is the first; of 2 none is left to say
    assert not [line for line in mote.console if "starts in a row" in line], "it waited with its radio on"
    sendings = len([line for line in mote.console if "goes on" in line])
    assert 3 <= len([line for line in mote.console if "link: lost" in line]) <= 3 * sendings, "it tried for too long"
    took = sum(records_taken(mote).values())
    process.start()
    stage.wait(lambda: set(range(1, took + 1)) <= set(numbers(stage)))
    check_never_repeated(stage.links["cellar"].sealed())
