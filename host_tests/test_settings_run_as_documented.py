"""The settings of docs/OPERATIONS.md are settings, and what the document prints of wrong ones is what they say."""

import re
from pathlib import Path

from mote import settings

DOCUMENT = Path(__file__).parent.parent / "docs" / "OPERATIONS.md"
SECTION = DOCUMENT.read_text(encoding="utf-8").split("## Networks, brokers")[1].split("\n## ")[0]
EXAMPLE, PRINTED = re.findall(r"```(?:python|console)\n(.*?)```", SECTION, re.DOTALL)


def test_documented_settings_are_taken_by_host_and_mote_and_wrong_ones_say_what_is_printed_there(capsys):
    found: dict = {}
    exec(EXAMPLE, found)
    assert capsys.readouterr().out == PRINTED
    values = settings.Settings.from_cbor(settings.to_cbor(found["cellar"]))
    assert [broker.host for broker in values.brokers] == ["192.168.1.2", "192.168.1.3"]
    assert values.wifi.address.dns == "192.168.1.1"


def test_defaults_in_brackets_are_those_of_the_code():
    text = DOCUMENT.read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `(\w+)` \[`?([\w,]+)`?\]", text, re.MULTILINE))
    assert {"backlog", "drop", "keep_s", "watchdog_s", "health_s", "log"} <= set(stated)
    for name, value in stated.items():
        assert value.replace(",", "") == str(settings.DEFAULTS[name]), name
