"""fleet.toml: what is taken, and that each mistake is one line with file, line, setting and the nearest word."""

import re
from pathlib import Path

import fleets
import pytest
from fleets import ironmote
from ironmote import fleet_file
from ironmote.errors import IronmoteError
from ironmote.fleet_file import FleetFileError, Host, Zone
from ironmote.roles import MONITOR

DOCUMENT = Path(__file__).parent.parent / "docs" / "OPERATIONS.md"
SECTION = DOCUMENT.read_text(encoding="utf-8").split("## A fleet in a folder")[1].split("\n## ")[0]
ID = "00112233445566778899aabbccddeeff"


def load(folder: Path, text: str) -> fleet_file.FleetFile:
    path = folder / "fleet.toml"
    path.write_text(text, encoding="utf-8")
    return fleet_file.load(path)


def test_new_file_says_what_it_was_told_and_needs_no_more(tmp_path: Path):
    found = load(tmp_path, fleet_file.new('Gr\u00fcnes "Haus" \\', bytes.fromhex(ID), "192.168.1.2"))
    assert (found.name, found.id.hex()) == ('Gr\u00fcnes "Haus" \\', ID)
    assert found.zones == {
        "home": Zone("home", "trusted", (Host("192.168.1.2", 8883),), "broker.home"),
        "clear": Zone("clear", "clear", (Host("192.168.1.2", 1883),), "broker.clear"),
    }
    assert (found.networks, found.defaults, found.users, found.roles) == ((), {}, {}, {})
    assert load(tmp_path, fleet_file.new("x", bytes.fromhex(ID))).zones["home"].brokers == ()


def test_each_comment_of_a_new_file_is_right_once_it_counts(tmp_path: Path):
    text = fleet_file.new("x", bytes.fromhex(ID))
    found = load(tmp_path, re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))
    assert found.networks == ("home", "barn")
    assert found.defaults == {"sample_ms": 10000}
    assert found.users == {"dashboard": MONITOR}
    assert list(found.roles) == ["gardener"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "fleet.toml:1: id: 32 digits in hex, which ironmote init wrote"),
        ('id = "00"', "fleet.toml:1: id: 32 digits in hex"),
        ("id = 1", "fleet.toml:1: id: 32 digits in hex"),
        (f'id = "{ID}"\nid = "{ID}"', "fleet.toml:2: "),
        (f'id = "{ID}"\nzone = 1', "fleet.toml:2: zone: no such setting; did you mean zones?"),
        (f'id = "{ID}"\nname = ""', "fleet.toml:2: name: a text of 1 to 64 characters"),
        (f'id = "{ID}"\nzones = 1', "fleet.toml:2: zones: a table"),
        (f'id = "{ID}"\n[zones.home]\n', "fleet.toml:2: zones.home.trust: is missing"),
        *(
            (f'id = "{ID}"\n[zones.home]\ntrust = "trusted"\n{setting}', f"fleet.toml:4: zones.home.{said}")
            for setting, said in (
                ('server_name = "bücher.home"', "server_name: a host's name of 1 to 64"),
                (f'server_name = "{"a" * 65}"', "server_name: a host's name of 1 to 64"),
                ('brokers = [{ host = "a b" }]', "brokers[0].host: a host's name"),
                ('brokers = [{ host = "*" }]', "brokers[0].host: a host's name"),
            )
        ),
        (
            f'id = "{ID}"\n[zones.home]\ntrust = "trustd"',
            "fleet.toml:3: zones.home.trust: one of trusted, clear, public",
        ),
        (f'id = "{ID}"\n[zones.Home]\ntrust = "clear"', "fleet.toml:2: zones.Home: a name of 1 to 23"),
        (
            f'id = "{ID}"\n[zones.a]\ntrust = "clear"\nbrokers = [{{ hots = "x" }}]',
            "fleet.toml:4: zones.a.brokers[0].hots: no such setting; did you mean host?",
        ),
        (
            f'id = "{ID}"\n[zones.a]\ntrust = "clear"\nbrokers = [{{ host = "x", port = 0 }}]',
            "zones.a.brokers[0].port: a whole number from 1 to 65535",
        ),
        (f'id = "{ID}"\n[zones.a]\ntrust = "clear"\nconnect = "pw"', "zones.a.connect: one of token, static"),
        (f'id = "{ID}"\n[wifi]\nssid = ""', "fleet.toml:3: wifi.ssid: a text of 1 to 32 characters"),
        (f'id = "{ID}"\n[wifi]\npassword = "x"', "wifi.password: no such setting; secrets are in the key store"),
        (f'id = "{ID}"\n[wifi]\nhostname = "x"', "wifi.hostname: no such setting"),
        (f'id = "{ID}"\n[defaults]\nsample_sm = 1', "defaults.sample_sm: no such setting; did you mean sample_ms?"),
        (
            f'id = "{ID}"\n[users]\nx = "monitr"',
            "fleet.toml:3: users.x: one of controller, monitor, home-assistant, administrator; did you",
        ),
        (f'id = "{ID}"\n[users]\nx = "sensor"', "users.x: one of controller, monitor, home-assistant, administrator"),
        (f'id = "{ID}"\n[users]\n"a.b" = "monitor"', "users.a.b: a name of 1 to 23"),
        (f'id = "{ID}"\n[roles.x]\npublish = ["mote/a/up"]', "roles.x: the role x may not publish to mote/a/up"),
        ("[" * 5000, "fleet.toml:1: "),
    ],
)
def test_mistake_is_one_line_that_says_where_and_what_would_be_right(tmp_path: Path, text: str, said: str):
    with pytest.raises(IronmoteError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_mistakes_are_counted_and_come_in_their_order(tmp_path: Path):
    with pytest.raises(FleetFileError, match=r"fleet.toml:2: zon: .*\(and 1 more\)") as caught:
        load(tmp_path, f'id = "{ID}"\nzon = 1\n[users]\nx = 1\n')
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize(("name", "host"), [("", None), ("x" * 65, None), ("a\nb", None), ("x", ""), ("x", "y" * 254)])
def test_name_or_host_that_cannot_be_is_refused_before_anything_is_made(tmp_path: Path, name: str, host: str | None):
    words = ["init", "g", "--name", name] + (["--broker", host] if host is not None else [])
    done = ironmote(*words, cwd=tmp_path)
    if name:
        assert (done.status, "a fleet's " in done.errors) == (1, True)
    else:
        assert done.status == 0, "an empty name is that of the folder"
    assert (tmp_path / "g").exists() == (not name)


def test_commands_of_the_document_do_what_it_says(tmp_path: Path):
    (block,) = re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL)
    here = tmp_path
    for line in block.splitlines():
        name, *words = line.removeprefix("$ ").split()
        if name == "cd":
            here = here / words[0]
            continue
        typed = None if words[0] in ("list", "show", "roles") else fleets.PASSPHRASE
        done = ironmote(*words, *(["--yes"] if words[0] == "remove" else []), cwd=here, typed=typed)
        assert (done.status, done.errors) == (0, ""), line
    assert sorted(path.name for path in here.glob("motes/*")) == ["bed-1.toml", "kitchen.toml"]


def test_roles_of_the_document_are_taken(tmp_path: Path):
    (example,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    found = load(tmp_path, f'id = "{ID}"\n{example}')
    assert {name: role.name for name, role in found.users.items()} == {"dashboard": "monitor", "ana": "gardener"}
    assert found.roles["gardener"].publish == ("mote/pump/down", "garden/+/valve")
