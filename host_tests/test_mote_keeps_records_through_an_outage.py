"""Motes that really run, a broker that is killed: each record taken is stored once, or counted: never silently lost.

The figures must meet: what the mote took is what the gateway stored and what was reported as lost or dropped.
"""

import itertools
import shutil
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from ironmote.gateway import CommandEnded, RecordSeen, RecordsMayBeMissing, StateSeen
from ironmote.gateway.state import State
from running import Stage, check_never_repeated, records_taken
from test_deep_sleep_never_repeats_a_nonce import falls_asleep

pytestmark = pytest.mark.long

FAST = {"sample_ms": 100, "timeout_ms": 1000, "ntp": "time.example"}


def kill(stage: Stage) -> None:
    """Kill the broker of the clear zone, as its machine would by losing its power."""
    process = stage.broker.processes[1]
    process._process.send_signal(signal.SIGKILL)
    process.stop()


def seen(stage: Stage, boot: int | None = None) -> list[int]:
    """The numbers of the records that the gateway stored, those of one boot or of all, in the order of arrival."""
    return [each.number for each in stage.of(RecordSeen) if boot in (None, each.boot)]


def statuses(stage: Stage) -> list[State]:
    """What the mote said of itself, its wills aside."""
    return [each.state for each in stage.of(StateSeen) if each.state.online]


def segments(mote) -> list[Path]:
    return sorted((mote.folder / "flash" / "backlog").glob("*"))


def in_flash(mote) -> int:
    """How many records are in the flash of a mote, as the heads of its segments say."""
    count = 0
    for each in segments(mote):
        with suppress(FileNotFoundError):  # the mote has written it into the next one meanwhile
            count += int.from_bytes(each.read_bytes()[3:5], "big") if not each.suffix else 0
    return count


def quiet(stage: Stage, mote) -> int:
    """Stop the sampling of a mote by its power, once the gateway has stored all it took; return how many that was."""

    def all_here():
        return not segments(mote) and sum(records_taken(mote).values()) - len(seen(stage)) <= 2

    stage.wait(all_here)
    mote.stop()
    return sum(records_taken(mote).values())


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_outage_longer_than_memory_loses_nothing_and_stores_nothing_twice(tmp_path: Path, board: str):
    stage = Stage(tmp_path, board=board)
    try:
        stage.start_gateway()
        mote = stage.mote(**FAST, outbox=4, keep_s=0)
        mote.start()
        stage.wait(lambda: len(seen(stage)) > 5)
        kill(stage)
        begun = sum(records_taken(mote).values())
        stage.wait(lambda: sum(records_taken(mote).values()) > begun + 40)
        assert in_flash(mote) > 20
        assert mote.restarts == 0
        stage.broker.processes[1].start()
        took = quiet(stage, mote)
        numbers = seen(stage)
        assert max(Counter(numbers).values()) == 1
        # the last few were under way when the power went; everything before them is here
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert took - len(numbers) <= 10
        late = [each for each in stage.of(RecordSeen) if each.arrived - each.taken > 3]
        assert len(late) > 20
        assert statuses(stage)[-1].dropped == 0
        check_never_repeated(stage.links["cellar"].sealed())
        stage.stop_gateway()
    finally:
        stage.close()


def test_live_records_and_commands_go_on_while_the_backlog_drains(stage: Stage):
    gateway = stage.start_gateway()
    mote = stage.mote(**FAST, outbox=4, keep_s=0, backlog=100_000)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 5)
    kill(stage)
    begun = len(seen(stage))
    stage.wait(lambda: in_flash(mote) > 150)
    stage.broker.processes[1].start()
    stage.wait(lambda: len(seen(stage)) > begun)
    gateway.send("cellar", "relay", True, within_s=30)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert ended.result == "done"
    stage.wait(lambda: not segments(mote))
    after = seen(stage)[begun:]
    # live ones came between those of the backlog, from a live number back to an old one: nobody waited for all of it
    assert sum(number > following + 20 for number, following in itertools.pairwise(after)) > 2


def test_record_taken_before_the_clock_was_set_gets_its_time_when_it_is_sent(stage: Stage):
    stage.start_gateway()
    kill(stage)
    mote = stage.mote(**FAST, outbox=64, keep_s=0)
    mote.start()
    stage.wait(lambda: sum(records_taken(mote).values()) > 10)
    stage.broker.processes[1].start()
    stage.wait(lambda: 1 in seen(stage))
    (first,) = [each for each in stage.of(RecordSeen) if each.number == 1]
    assert first.taken is not None
    assert 1 < first.arrived - first.taken < 60


@pytest.mark.parametrize("policy", ["oldest", "newest"])
def test_flash_that_is_full_drops_by_policy_and_every_drop_is_counted(stage: Stage, policy: str):
    stage.start_gateway()
    mote = stage.mote(**FAST, outbox=4, keep_s=0, backlog=3000, drop=policy)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    begun, before = sum(records_taken(mote).values()), len(seen(stage))
    stage.wait(lambda: sum(records_taken(mote).values()) > begun + 110)
    stage.broker.processes[1].start()
    stage.wait(lambda: not segments(mote) and len(seen(stage)) > begun + 20)
    back = max(seen(stage)[before : before + 6])  # the first live record after the outage, or nearly
    stage.links["cellar"].cut()  # the next session begins with another status
    connection = stage.wait(lambda: [each for each in statuses(stage) if each.connection > 1])[-1].connection
    final = stage.wait(lambda: [each for each in statuses(stage) if each.connection > connection])[-1]
    stage.wait(lambda: final.record in seen(stage))
    mote.stop()
    missing = sorted(set(range(1, final.record + 1)) - set(seen(stage)))
    assert final.dropped == len(missing) > 20
    if policy == "oldest":
        assert missing[-1] < back - 20
    else:
        assert missing[-1] >= back - 2
        assert missing[0] > begun + 10
    assert any("dropped" in line for line in mote.console)


def test_power_cut_in_an_outage_keeps_what_was_in_flash_and_tells_that_more_may_be_missing(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**FAST, outbox=32, keep_s=1)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    stage.wait(lambda: in_flash(mote) > 25)
    mote.stop()
    took = sum(records_taken(mote).values())
    stage.broker.processes[1].start()
    mote.start()
    (event,) = stage.wait(lambda: stage.of(RecordsMayBeMissing))
    # whatever was in flash comes; what was taken after it, in a second or so, is what the power took
    stage.wait(lambda: not segments(mote) and event.after in seen(stage, 1))
    assert (event.boot, event.until) == (1, 2)
    assert sorted(seen(stage, 1)) == list(range(1, event.after + 1))
    assert took - 30 < event.after <= took


def test_reset_in_an_outage_loses_what_was_in_memory_and_says_exactly_how_much(stage: Stage):
    gateway = stage.start_gateway()
    mote = stage.mote(**FAST, outbox=64, keep_s=0)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    begun = sum(records_taken(mote).values())
    stage.wait(lambda: sum(records_taken(mote).values()) > begun + 10)
    mote.bite()  # nothing could be saved
    stage.wait(lambda: (1, 2) in records_taken(mote))
    stage.broker.processes[1].start()
    stage.wait(lambda: seen(stage, 2))
    mote.stop()
    took = records_taken(mote)
    assert stage.of(RecordsMayBeMissing) == []
    stage.stop_gateway()
    assert gateway.lost == {"cellar": took[1, 1] - len(seen(stage, 1))}
    assert gateway.lost["cellar"] > 5


def test_reset_that_is_planned_loses_nothing(stage: Stage):
    gateway = stage.start_gateway()
    # The sensor's driver raises what none of the mote can handle, ten records later: main.py resets the board.
    mote = stage.mote(**FAST, outbox=64, keep_s=0)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    begun = sum(records_taken(mote).values())
    stage.wait(lambda: sum(records_taken(mote).values()) > begun + 10)
    (mote.folder / "rtc").rename(mote.folder / "rtc.kept")
    (mote.folder / "rtc").mkdir()  # the next record cannot be counted: an error that nothing handles
    stage.wait(lambda: any("OSError" in line for line in mote.console))
    stage.wait(lambda: in_flash(mote) > 10)
    (mote.folder / "rtc").rmdir()
    (mote.folder / "rtc.kept").rename(mote.folder / "rtc")
    stage.broker.processes[1].start()
    stage.wait(lambda: not segments(mote) and seen(stage, 2))
    mote.stop()
    took = records_taken(mote)[1, 1]
    missing = set(range(1, took + 1)) - set(seen(stage, 1))
    assert missing <= {took}  # the one that it died of, where that was counted before its memory went
    assert stage.of(RecordsMayBeMissing) == []
    stage.stop_gateway()
    assert gateway.lost == {"cellar": len(missing)}


def test_segments_that_come_again_after_a_crash_are_stored_once(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(**FAST, outbox=4, keep_s=0)
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    stage.wait(lambda: in_flash(mote) > 25)
    mote.stop()
    flash = mote.folder / "flash" / "backlog"
    shutil.copytree(flash, mote.folder / "kept")
    count = in_flash(mote)
    stage.broker.processes[1].start()
    mote.start()
    stage.wait(lambda: not segments(mote) and seen(stage, 2))
    stage.wait(lambda: len(seen(stage, 1)) >= count)
    mote.stop()
    # As if the power had gone after the last acknowledgement, and before the segments did.
    shutil.copytree(mote.folder / "kept", flash, dirs_exist_ok=True)
    stored = sorted(seen(stage, 1))
    mote.start()
    stage.wait(lambda: not segments(mote) and seen(stage, 3))
    sent = len(stage.links["cellar"].sealed())
    mote.stop()
    assert sent > 2 * count
    assert sorted(seen(stage, 1)) == stored == list(range(1, len(stored) + 1))
    check_never_repeated(stage.links["cellar"].sealed())


def test_flash_that_cannot_be_written_leaves_what_memory_can_hold(stage: Stage):
    gateway = stage.start_gateway()
    mote = stage.mote(**FAST, outbox=8, keep_s=1)
    (mote.folder / "flash" / "backlog").write_text("in the way of the folder")
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 3)
    kill(stage)
    begun = sum(records_taken(mote).values())
    stage.wait(lambda: sum(records_taken(mote).values()) > begun + 30)
    stage.broker.processes[1].start()
    stage.wait(lambda: seen(stage)[-1] > begun + 30)
    mote.stop()
    assert mote.restarts == 0
    assert sum("backlog: cannot be written" in line for line in mote.console) == 1  # and then not for a minute
    stage.stop_gateway()
    missing = set(range(1, max(seen(stage)) + 1)) - set(seen(stage))
    assert gateway.lost["cellar"] == len(missing) > 10
    assert statuses(stage)[-1].dropped >= 10


def test_watchdog_of_a_mote_without_a_broker_loses_nothing_and_every_boot_is_accounted_for(stage: Stage):
    gateway = stage.start_gateway()
    mote = stage.mote(sample_ms=500, timeout_ms=500, keepalive_s=5, watchdog_s=7, outbox=64, keep_s=0, ntp="t.example")
    mote.start()
    stage.wait(lambda: len(seen(stage)) > 2)
    kill(stage)
    stage.wait(lambda: (1, 3) in records_taken(mote))  # two boots that never reached a broker, and one more
    stage.broker.processes[1].start()
    stage.wait(lambda: not segments(mote) and any(each.boot >= 3 for each in stage.of(RecordSeen)))
    mote.stop()
    took = records_taken(mote)
    newest = max(took)[1]
    for (_, boot), number in took.items():
        if boot < newest:
            assert sorted(seen(stage, boot)) == list(range(1, number + 1)), boot
    assert all(each.taken is not None for each in stage.of(RecordSeen))
    assert stage.of(RecordsMayBeMissing) == []
    assert "watchdog" in statuses(stage)[-1].reset
    stage.stop_gateway()
    assert gateway.lost == {"cellar": 0}


def test_mote_that_sleeps_keeps_what_it_could_not_send(stage: Stage):
    stage.start_gateway()
    mote = stage.mote(sleep_ms=60_000, longest_sleep_s=0.3, listen_ms=100, timeout_ms=500)
    mote.start()
    stage.wait(lambda: len(seen(stage)) >= 2)
    falls_asleep(stage, mote)
    kill(stage)
    falls_asleep(stage, mote, 4)
    assert in_flash(mote) == 0, "RTC memory has room for them"
    stage.broker.processes[1].start()
    stage.wait(lambda: not segments(mote) and len(seen(stage)) >= 7)
    falls_asleep(stage, mote)
    took = records_taken(mote)
    assert list(took) == [(1, 1)]
    stage.wait(lambda: len(seen(stage)) >= took[1, 1])
    assert sorted(seen(stage))[: took[1, 1]] == list(range(1, took[1, 1] + 1))
    check_never_repeated(stage.links["cellar"].sealed())
