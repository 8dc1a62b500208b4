"""A merge that was not finished is found before anybody clones it: a board's profile once could not be read."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("lib", "firmware", "tools", "tests", "host_tests", "docs", "benchmarks")
KINDS = {".py", ".toml", ".md", ".in", ".txt", ".sh", ".json", ""}
MARKS = ("<" * 7 + " ", ">" * 7 + " ", "|" * 7 + " ")


def sources():
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if path.suffix in KINDS]


def test_no_file_holds_marks_of_a_merge():
    found = sources()
    assert len(found) > 200
    marked = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in found
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith(MARKS)
    ]
    assert marked == []
