"""The settings of docs/OPERATIONS.md are settings, and what the document prints of wrong ones is what they say."""

import re
from pathlib import Path

from ironmote import boards, mote_file
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
    # Those of the tools, for what an owner's file may leave out, and of the mote.
    for name, value in stated.items():
        assert value.replace(",", "") == str((settings.DEFAULTS | dict(mote_file.DEFAULTS))[name]), name


def test_every_setting_of_a_motes_file_is_documented_and_the_example_is_one(tmp_path):
    section = DOCUMENT.read_text(encoding="utf-8").split("## The file of a mote")[1].split("\n## ")[0]
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", section))))
    assert {"allow_strapping", "board", *mote_file.rules(), *boards.names()} <= words
    path = tmp_path / "kitchen.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", section, re.DOTALL)[0])
    assert mote_file.load(path).board == "esp32"
