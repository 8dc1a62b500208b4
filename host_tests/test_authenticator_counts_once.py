"""One file of counters, several real processes: a token is taken once, whoever dies, and never without the disk."""

import contextlib
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ironmote.authenticator.marks import Marks, MarksError

KEY = b"\x01" * 8

# A process that opens the file, says so, and tries each counter it is given on a line: "yes", "no" or the error.
PROCESS = """
import sys
from pathlib import Path
from ironmote.authenticator.marks import Marks, MarksError
marks = Marks(Path(sys.argv[1]))
print("open", flush=True)
for line in sys.stdin:
    try:
        print("yes" if marks.advance("clear", "cellar", bytes([1] * 8), [], int(line)) else "no", flush=True)
    except MarksError as error:
        print("error", error, flush=True)
"""


class Process:
    """One authenticator's share of the file, as a process of its own."""

    def __init__(self, path: Path, **options) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        assert self._out.readline() == "open\n"

    def ask(self, *counters: int) -> None:
        self._in.write("".join(f"{counter}\n" for counter in counters))
        self._in.flush()

    def answer(self) -> str:
        return self._out.readline().strip()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self.end()

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.close()
        self._process.wait(10)
        self._out.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Marks(tmp_path / "marks.db", create=True).close()
    return tmp_path / "marks.db"


@pytest.fixture
def started(path: Path):
    with contextlib.ExitStack() as stack:

        def start(**options) -> Process:
            process = Process(path, **options)
            stack.callback(process.end)
            return process

        yield start


def test_of_several_processes_exactly_one_takes_a_token(started):
    processes = [started() for _ in range(4)]
    counters = range(1, 201)
    for process in processes:
        process.ask(*counters)
    answers = [[process.answer() for _ in counters] for process in processes]
    # Each counter at most once; those that fell behind another's later one not at all, and the last certainly.
    takers = [sum(each[at] == "yes" for each in answers) for at in range(len(counters))]
    assert {answer for each in answers for answer in each} == {"yes", "no"}
    assert max(takers) == 1
    assert takers[-1] == 1


def test_one_token_shown_to_all_at_once_is_taken_by_one(started):
    processes = [started() for _ in range(4)]
    for counter in range(1, 101):
        for process in processes:
            process.ask(counter)
        assert sorted(process.answer() for process in processes) == ["no", "no", "no", "yes"]


def test_counter_is_on_the_disk_before_the_answer(started):
    for counter in range(1, 6):
        process = started()
        process.ask(counter)
        assert process.answer() == "yes"
        process.kill()
        after = started()
        after.ask(counter)
        assert after.answer() == "no"
        after.end()


def test_nothing_is_taken_while_the_file_cannot_be_written(started, path: Path):
    process = started()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    process.ask(5)
    assert process.answer().startswith("error")
    holder.execute("COMMIT")
    holder.close()
    process.ask(5)
    assert process.answer() == "yes"


def test_nothing_is_taken_when_the_disk_is_full(started):
    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    started()  # the shared memory of the file is there already
    process = started(preexec_fn=no_room)
    process.ask(5)
    assert process.answer().startswith("error")
    other = started()
    other.ask(5)
    assert other.answer() == "yes"
    process.ask(6)
    assert process.answer().startswith("error")


def test_missing_file_is_not_made_in_silence(tmp_path: Path):
    with pytest.raises(MarksError, match=r"marks\.db cannot be used"):
        Marks(tmp_path / "marks.db")
    assert not (tmp_path / "marks.db").exists()


def test_empty_or_foreign_file_is_refused(tmp_path: Path):
    for content in (b"", b"not a database at all" * 100):
        (tmp_path / "marks.db").write_bytes(content)
        with pytest.raises(MarksError):
            Marks(tmp_path / "marks.db")


def test_new_keeps_a_file_that_is_there(path: Path):
    first = Marks(path)
    assert first.advance("clear", "cellar", KEY, [], 9)
    first.close()
    again = Marks(path, create=True)
    assert not again.advance("clear", "cellar", KEY, [], 9)
    again.close()


def test_file_is_its_owners_alone(path: Path):
    marks = Marks(path)
    marks.advance("clear", "cellar", KEY, [], 1)
    for each in path.parent.iterdir():
        assert each.stat().st_mode & 0o077 == 0, each
    marks.close()


def test_zones_are_counted_apart(path: Path):
    marks = Marks(path)
    assert marks.advance("clear", "cellar", KEY, [], 9)
    assert marks.advance("public", "cellar", KEY, [], 3)
    assert not marks.advance("public", "cellar", KEY, [], 3)
    marks.close()
