"""docs/OPERATIONS.md, from an empty folder to a verified reading: each command of the page, at a real Mosquitto."""

import os
import re
import sys
from pathlib import Path

import real_brokers
import walkthrough
from ironmote import cli
from ironmote.brokers import process
from walkthrough import Walk

DOCUMENT = Path(__file__).parent.parent / "docs" / "OPERATIONS.md"
SECTION = DOCUMENT.read_text(encoding="utf-8").split("## From an empty folder")[1].split("\n## ")[0]
ANSWERS = {
    "key store: ": "correct horse battery",
    "network home: ": "swordfish under the sea",
}
# What is another each time, and where.
DIFFERS = {
    r"/dev/pts/\d+": "PORT",
    r"\d{4}-\d\d-\d\d": "DATE",
    r"Mosquitto [\d.]+": "Mosquitto",
    r"about \d+ of (\d+) KB of heap, code \d+": r"about N of \1 KB of heap, code N",
    r"^\d+ files": "N files",
    r"^\d\d:\d\d:\d\d ": "TIME ",
    r"[\d.]+ (°C|%|ms)": r"N \1",
}


def same(line: str) -> str:
    for pattern, word in DIFFERS.items():
        line = re.sub(pattern, word, line)
    return line


def test_first_steps_of_the_help_are_those_of_the_page():
    documented = {tuple(shown.words.split()[:2]) for shown in walkthrough.commands(SECTION)}
    assert {tuple(line.split()[:2]) for line, _ in cli._FIRST_STEPS} <= documented


def test_every_command_of_the_page_shows_what_the_page_shows(tmp_path: Path):
    real_brokers.require_mosquitto()
    port = ""
    # Only the broker's ports are others, and what folder it is: those of the page may be taken.
    ports = {str(number): str(process.choose_port()) for number in (8883, 1883)}
    process._release(map(int, ports.values()))

    def here(line: str) -> str:
        line = line.replace(str(tmp_path.resolve()), "/home/ana")
        for documented, used in ports.items():
            line = line.replace(f":{used} ", f":{documented} ")
        return same(line)

    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path, "COLUMNS": "120"}
    answers = {f"Passphrase of the {name}": text for name, text in ANSWERS.items()}
    answers |= {"Passphrase of the new key store: ": ANSWERS["key store: "]}
    with Walk(tmp_path, answers, environment, here) as walk:
        for shown in walkthrough.commands(SECTION):
            if shown.words == "ironmote simulate kitchen":
                walk.end("ironmote simulate kitchen --serial")
            words = re.sub(r"/dev/pts/\d+", port, shown.words)
            command = walk.do(shown, words)
            if words.startswith("ironmote init"):
                file = walk.cwd / "greenhouse" / "fleet.toml"
                text = file.read_text()
                for documented, used in ports.items():
                    text = text.replace(f"port = {documented} ", f"port = {used} ")
                file.write_text(text)
            if "--serial" in words:
                port = command.shown[-1]
        assert len(walk.running) == 4
        for words in reversed([*walk.running]):
            walk.end(words)
