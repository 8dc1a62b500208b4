"""Which ends of a start count as a crash, on both chips; and what never does, however often it happens."""

import pytest
from board_process import BoardProcess

COUNT = """
import machine
from mote import guard, trial
guard.healthy()  # it reaches the broker, and crashes all the same
guard.count()
guard.pause()
trial.begin({settings})
if trial.failing:
    trial.go_safe()
print(trial.crashes, trial.mode, trial.why)
"""
RESET = "machine.reset()\n"
RAISE = "trial.crashed(KeyError('secret'))\nmachine.reset()\n"
PLANNED = "trial.ended()\nmachine.reset()\n"
WAITING = "trial.waiting(True)\n"
STOOD = "trial.stood()\n"
TRIED = "print(trial.again())\nmachine.reset()\n"
HUNG = "\n"


@pytest.fixture
def board(request, tmp_path):
    return Starts(BoardProcess(tmp_path, board=getattr(request, "param", "esp32")))


both_chips = pytest.mark.parametrize("board", ["esp8266", "esp32"], indirect=True)


class Starts:
    def __init__(self, board):
        self.board = board
        self.left = []

    def start(self, end, cause=None, settings=7):
        """One start that ends so; gives how many before it had crashed, and what it was: whole (None) or safe."""
        lines = self.board.run(COUNT.format(settings=settings) + end)
        if cause:
            (self.board.folder / "reset_cause").write_text(cause)
        crashes, mode, why = lines[0].split(" ", 2)
        self.why, self.left = why, lines[1:]
        return int(crashes), mode


@both_chips
@pytest.mark.parametrize(("end", "cause"), [(RAISE, None), (HUNG, "WDT_RESET")])
def test_three_starts_that_end_unannounced_bring_safe_mode(board, end, cause):
    assert [board.start(end, cause) for _ in range(4)] == [(0, "None"), (1, "None"), (2, "None"), (3, "safe")]


@pytest.mark.parametrize(
    ("end", "cause"), [(PLANNED, None), (HUNG, "PWRON_RESET"), (WAITING, "WDT_RESET"), (STOOD, "WDT_RESET")]
)
def test_power_that_goes_a_planned_reset_a_name_that_is_not_resolved_and_long_life_never_count(board, end, cause):
    assert {board.start(end, cause) for _ in range(4)} == {(0, "None")}


@both_chips
def test_reset_pin_never_counts(board):
    chip = board.board.folder / "board.json"
    cause = "HARD_RESET" if "esp8266" in chip.read_text() else "PWRON_RESET"
    assert {board.start(HUNG, cause) for _ in range(4)} == {(0, "None")}


def test_power_that_goes_ends_the_count_and_a_start_that_stood_does(board):
    board.start(RESET)
    board.start(RESET)
    (board.board.folder / "rtc").unlink()
    assert board.start(RESET) == (0, "None")
    assert board.start(STOOD + RESET) == (1, "None")
    assert board.start(RESET) == (0, "None")


def test_other_settings_begin_anew(board):
    for _ in range(3):
        board.start(RESET)
    assert board.start(RESET, settings=8) == (0, "None")


def test_reason_is_the_error_and_its_place_not_its_text_and_stays_over_planned_resets(board):
    for _ in range(3):
        board.start(RAISE)
    for _ in range(2):
        assert board.start(PLANNED) == (3, "safe")
        assert board.why == "KeyError"
    for _ in range(3):
        board.start(HUNG, "WDT_RESET", settings=9)
    board.start(PLANNED, settings=9)
    assert board.why == "watchdog: the program hung"


def test_whole_mote_is_tried_from_safe_mode_24_times_and_no_more(board):
    for _ in range(3):
        board.start(RESET)
    for crashes in (3, 4, 26):
        board.start(f"trial._memory().set_trial(0, {crashes}, 7)\n{RESET}")
        assert board.start(TRIED) == (crashes, "safe")
        assert board.left == ["True"]
        assert board.start(RESET) == (crashes, "None"), "this one is whole"
    assert board.start(TRIED) == (27, "safe")
    assert board.left == ["False"]


def test_start_in_safe_mode_that_crashes_is_followed_by_one_without_actuators(board):
    for _ in range(3):
        board.start(RESET)
    bare = "print(trial.bare)\n"
    assert board.start(bare + RESET) == (3, "safe")
    assert board.left == ["False"]
    assert board.start(bare + PLANNED) == (3, "safe")
    assert board.left == ["True"]


def test_state_before_safe_mode_is_kept_no_longer(board):
    program = """
import json
from mote import safemode, trial
from mote.actuators.keeper import Keeper
from mote.actuators.kept import Kept
class Settings:
    i2c = onewire = led = None
    rules = ()
    sleep_ms = backlog = 0
    outbox = 8
    keepalive_s = 30
    generation = 1
class Spec:
    kind, name, pin, safe, keep = "relay", "pump", 12, 0, True
    low = sense = link_s = longest_s = interval_ms = None
for crashes in (1, 3):
    Kept(1, lambda: 0, print).put("pump", 1)
    settings = Settings()
    settings.actuators = [Spec()]
    trial.crashes = crashes
    if crashes == 3:
        safemode.strip(settings)
    made = Keeper(settings)
    made.restore()
    print(made.all[0].state(), Kept(1, lambda: 0, print).get("pump"))
"""
    assert board.board.run(program) == ["1 1", "0 None"]


def test_trial_of_a_mote_without_memory_counts_nothing(board):
    assert board.board.run("from mote import trial\ntrial.waiting(True)\ntrial.ended()\ntrial.stood()\nprint(0)") == [
        "0"
    ]
