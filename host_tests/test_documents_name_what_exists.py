"""What the documents point at is there: a file that was renamed takes its mention with it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP = {path.name for path in ROOT.iterdir() if path.is_dir()}
# `host_tests/test_x.py::test_y`, with or without the test; a placeholder (<name>, *) is no path.
PATH = re.compile(r"(?<![\w./<-])((?:\.\./)*[A-Za-z_][\w.-]*(?:/[\w.-]+)*/?)(?:::(\w+))?(?![\w<*/])")
LINK = re.compile(r"\]\(([^)#:]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
TEST = re.compile(r"::(\w+)")


def mentions(document: Path) -> list[tuple[Path, str]]:
    """Every path of the repository that is named, and the test in it ("" where none is)."""
    text = document.read_text(encoding="utf-8")
    found = [((document.parent / link).resolve(), "") for link in LINK.findall(text)]
    for line in text.splitlines():
        last = None
        for code in CODE.findall(line):
            if code.startswith("::") and last is not None:
                found.append((last, TEST.findall(code)[0]))
                continue
            for path, test in PATH.findall(code):
                if "/" in path and path.split("/")[0] in TOP:
                    last = ROOT / path
                    found.append((last, test))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_is_there(document: Path):
    absent = sorted({str(path.relative_to(ROOT)) for path, _ in mentions(document) if not path.exists()})
    assert absent == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_test_is_there(document: Path):
    absent = [
        f"{path.relative_to(ROOT)}::{test}"
        for path, test in mentions(document)
        if test and path.is_file() and f"def {test}(" not in path.read_text(encoding="utf-8")
    ]
    assert absent == []


def test_paths_are_found_at_all():
    named = {path.relative_to(ROOT).as_posix() for path, _ in mentions(ROOT / "docs" / "THREATS.md")}
    assert {"tests/test_sealed.py", "host_tests/test_brokers.py"} <= named


DECISIONS = {path.name[:4]: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "decisions").glob("*.md")}
STATUS = re.compile(r"Accepted\.(?: (Replaced|Replaces) in part(?: by)? (\d{4}): [^.]+\.)?")


def test_every_decision_says_its_status_and_what_replaces_it_says_so_too():
    for number, text in DECISIONS.items():
        title, empty, status, *_ = text.splitlines()
        assert title.startswith(f"# {int(number)}. ")
        assert empty == ""
        found = STATUS.fullmatch(status)
        assert found, (number, status)
        word, other = found.groups()
        if word == "Replaced":
            assert f"Replaces in part {number}:" in DECISIONS[other].splitlines()[2]
            assert f"(replaced by {other}" in text, "the sentences that no longer hold"
        elif word == "Replaces":
            assert f"Replaced in part by {number}:" in DECISIONS[other].splitlines()[2]
