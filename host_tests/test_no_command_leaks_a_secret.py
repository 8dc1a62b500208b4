"""Every command, going well and going wrong, watched from outside: where its secrets are, and where they never were.

Watched are the command line and the environment of every process (each Python says what it starts, of all others
/proc is read again and again), all that is printed, logged and would be seen of an error, and every file, those that
were removed meanwhile as well. What may hold secrets is listed, with the kinds that it may hold.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import real_brokers
from ironmote import cli
from secret_forms import Sought

HERE = Path(__file__).parent
DOCUMENTS = [HERE.parent / "README.md", *sorted((HERE.parent / "docs").rglob("*.md"))]
# A command that tells everybody who lists processes a secret, and the programs of those that are looked at.
TELLS = re.compile(r"(?i)passw?o?r?d?[\"']?[ :=]+[^-\s]|passphrase[ =]|--?(pw|psk|token)[ =]|(?-i:-P |TOKEN)")
PROGRAMS = r"(?:ironmote|curl|mosquitto_\w+|nats|mpremote|esp\w+|export|echo|printf"
LOOK_S = 0.01
LONGEST_S = 600
ALL = bool(os.environ.get("LEAKS_ALL"))  # make leaks

# Which files may hold which secrets in the clear. All of them are their owner's alone.
BOARD = {"root", "wifi", "leaf", "successor"}
PLACES = {
    r"given/": {"passphrase", "wifi"},  # what the commands were told
    r"g/keys/boards/": BOARD,
    r"boards/": BOARD,  # boards of the test's own
    r"secret\.bin": BOARD,
    r"tmp/ironmote-[^/]+/": {"leaf"},  # of those who check a broker, in a folder of 0700 that the guard removes
    r"g/brokers/": {"connect", "psk", "password", "leaf"},
    r"g/gateway/\.?roster\.json": {"seal"},
    r"g/gateway/dashboard/\.?key\.pem": {"leaf"},
    r"dashboard/\.?dashboard\.key": {"leaf"},
    r"kept/": {*BOARD, "connect", "psk", "password", "seal"},  # of the demo, which was asked to keep it all
}


def allowed(name: str) -> set[str]:
    return next((kinds for pattern, kinds in PLACES.items() if re.match(pattern, name)), set())


class Watch:
    """Reads /proc for the processes whose environment names `marker`, until the end of the block."""

    def __init__(self, marker: str) -> None:
        self._marker = marker.encode()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: set[bytes] = set()
        self.programs: set[str] = set()

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        strangers = {each for each in os.listdir("/proc") if each.isdigit()}
        while not self._done.wait(LOOK_S):
            now = {each for each in os.listdir("/proc") if each.isdigit()}
            strangers &= now
            for pid in now - strangers:
                with contextlib.suppress(OSError):
                    environment = Path(f"/proc/{pid}/environ").read_bytes()
                    if self._marker in environment:
                        words = Path(f"/proc/{pid}/cmdline").read_bytes()
                        self.seen |= {environment, words}
                        self.programs.add(os.path.basename(words.partition(b"\0")[0]).decode())
                    elif environment:
                        strangers.add(pid)


class Ended:
    """All commands were run in `folder`; what was seen of them, and what is looked for."""

    def __init__(self, folder: Path, notes: Path, watch: Watch) -> None:
        self.folder = folder
        self.watch = watch
        self.sought = Sought()
        for kind, secret in json.loads((folder / "secrets.json").read_text()):
            self.sought.add(kind, bytes.fromhex(secret))
        self.notes = [json.loads(line) for path in notes.iterdir() for line in path.read_text().splitlines()]
        self._known: dict[bytes, set[str]] = {}

    def kinds_in(self, data: bytes) -> set[str]:
        if data not in self._known:
            self._known[data] = self.sought.kinds_in(data)
        return self._known[data]

    def files(self) -> Iterator[tuple[str, bool, bytes]]:
        """Every file that is or was there: its name, whether others can read it, what it holds."""
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and not path.is_symlink() and name != "secrets.json":
                inside = [path, *path.parents[: path.parents.index(self.folder)]]
                yield name, all(each.stat().st_mode & 0o077 for each in inside), path.read_bytes()
        for what, found in self.notes:
            if what == "gone":
                name, mode, content = found
                name = os.path.relpath(name, self.folder)
                closed = any(re.match(pattern, name) for pattern in PLACES)  # in folders that the other loop looks at
                yield name, bool(mode & 0o077) and not closed, bytes.fromhex(content)
            elif what == "written" and not found.startswith(("/dev/", "/proc/", f"{self.folder}/")):
                path = Path(found)
                if path.is_file():
                    yield found, bool(path.stat().st_mode & 0o077), path.read_bytes()


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    real_brokers.require_mosquitto()
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are watched by /proc")
    root = tmp_path_factory.mktemp("all").resolve()
    folder, notes = root / "folder", root / "notes"
    for each in (folder, notes, folder / "tmp"):
        each.mkdir(mode=0o700)
    environment = os.environ | {
        "PYTHONPATH": f"{HERE / 'witness'}{os.pathsep}{HERE}",
        "WITNESS_NOTES": str(notes),
        "TMPDIR": str(folder / "tmp"),
    }
    with Watch(str(notes)) as watch:
        done = subprocess.run(
            [sys.executable, str(HERE / "every_verb.py"), str(folder), *(["--all"] if ALL else [])], env=environment,
            capture_output=True, text=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return Ended(folder, notes, watch)


def test_no_process_was_ever_told_a_secret(ended):
    started = [found for what, found in ended.notes if what == "started"]
    programs = {os.path.basename(words[0]) for words, _ in started}
    assert {"mosquitto", *(["nats-server"] if ALL else [])} <= programs & ended.watch.programs
    assert any(b"start.py" in each for each in ended.watch.seen), "a simulated board"
    for words, environment in started:
        assert ended.sought.kinds_in("\0".join((*words, *environment)).encode(errors="replace")) == set(), words
    for each in ended.watch.seen:
        assert ended.sought.kinds_in(each) == set(), each.split(b"\0")[:6]


def test_no_secret_is_in_what_was_printed_logged_or_of_an_error(ended):
    said = sorted((ended.folder / "said").iterdir())
    assert len(said) > 60
    for path in said:
        assert ended.kinds_in(path.read_bytes()) == set(), path


def test_each_secret_is_only_where_it_may_be_and_nobody_else_can_read_it(ended):
    assert len(ended.sought) > 60
    found: dict[str, set[str]] = {}
    for name, open_to_others, data in ended.files():
        kinds = ended.kinds_in(data)
        assert kinds <= allowed(name), (name, kinds)
        assert not (kinds and open_to_others), (name, kinds)
        place = next((each for each in PLACES if re.match(each, name)), "")
        found.setdefault(place, set()).update(kinds)
    # The search finds what is there.
    assert found[r"g/keys/boards/"] >= {"root", "wifi", "leaf"}
    assert found[r"secret\.bin"] >= {"root", "wifi"}
    assert found[r"g/brokers/"] >= {"leaf", *(["connect"] if ALL else [])}
    assert found[r"dashboard/\.?dashboard\.key"] == {"leaf"}


def parsers() -> Iterator[argparse.ArgumentParser]:
    waiting = [cli._parser()]
    while waiting:
        parser = waiting.pop()
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += set(action.choices.values())


def test_no_option_takes_a_secret_and_no_document_puts_one_on_a_command_line():
    for parser in parsers():
        for action in parser._actions:
            names = " ".join(action.option_strings)
            if re.search(r"pass|secret|password|token|psk", names) and action.nargs != 0:
                assert re.search(r"-(file|fd)$", names), (parser.prog, names)
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    text += "\n".join(parser.format_help() for parser in parsers())
    commands = [line.strip() for line in re.findall(rf"(?m)^\s*(?:\$ |> )?({PROGRAMS}) .*?(?:  |#|$))", text)]
    assert len(commands) > 100
    for command in commands:
        assert not TELLS.search(command), command
    assert TELLS.search("mosquitto_pub -u kitchen -P TOKEN")
    assert TELLS.search("""curl -d '{"password": "x"}' http://broker""")
