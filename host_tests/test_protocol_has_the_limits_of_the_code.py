"""Section 12 of docs/PROTOCOL.md says the numbers that the code has."""

import importlib
import re
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parent.parent / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| [^|]+ \| ([^|]+) \| `((?:mote|ironmote)[\w.]+)` \|$", re.MULTILINE)
VALUE = re.compile(r"(?:2\^(\d+)|([\d,]+))(?: - (\d+))?")
ROWS = ROW.findall(DOCUMENT)


def number(text: str) -> int:
    """The number in a cell: 4,096 or 2^40 or 2^40 - 1."""
    power, plain, less = VALUE.fullmatch(text).groups()
    return (1 << int(power) if power else int(plain.replace(",", ""))) - int(less or 0)


@pytest.mark.parametrize(("value", "constant"), ROWS, ids=[constant for _, constant in ROWS])
def test_limit_is_that_of_the_code(value: str, constant: str):
    module, name = constant.rsplit(".", 1)
    assert number(value) == getattr(importlib.import_module(module), name)


def test_every_row_of_the_table_was_read():
    table = DOCUMENT.split("| limit | value | constant |")[1]
    assert len(ROWS) == len(re.findall(r"^\| ", table, re.MULTILINE)) > 30
