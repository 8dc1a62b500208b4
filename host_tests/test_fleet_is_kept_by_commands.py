"""A fleet as its owner keeps it: each verb, what it prints, and how it ends when something is wrong."""

import json
import shutil
import stat
from pathlib import Path

import fleets
import pytest
from fleets import PASSPHRASE, Terminal, ironmote, private
from ironmote.encrypted import Cost
from ironmote.fleet_folder import Folder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    motes = {"kitchen": "esp32", "cellar": "esp8266"}
    return fleets.make(tmp_path_factory.mktemp("fleet") / "greenhouse", motes).paths.root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "greenhouse")


def test_fleet_is_made_and_a_passphrase_costs_what_it_should(tmp_path: Path):
    made = ironmote("init", "greenhouse", "--broker", "192.168.1.2", cwd=tmp_path)
    assert (made.status, made.errors) == (0, "")
    assert "ironmote add ID" in made.out
    root = tmp_path / "greenhouse"
    header = json.loads((root / "keys" / "store").read_bytes().partition(b"\n")[0])
    assert Cost(header["memory_kib"], header["passes"], header["lanes"]) == Cost()
    empty = ironmote("list", cwd=root, typed=None)
    assert (empty.status, "has no motes yet" in empty.out) == (0, True)


def test_motes_are_added_all_or_none_listed_and_removed(root: Path):
    added = ironmote("add", "barn", "attic", "--board", "esp32", "--json", cwd=root)
    assert [(each["mote"], each["generation"], each["made"]) for each in json.loads(added.out)] == [
        ("barn", 1, True),
        ("attic", 1, True),
    ]
    again = ironmote("add", "shed", "kitchen", "--board", "esp32", cwd=root)
    assert (again.status, again.out, again.errors) == (1, "", "ironmote: there is already a mote called kitchen\n")
    assert not (root / "motes" / "shed.toml").exists()
    removed = ironmote("remove", "kitchen", "barn", "--yes", cwd=root)
    assert (removed.status, removed.errors) == (0, "")
    listed = ironmote("list", cwd=root / "motes", typed=None)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["mote", "attic", "cellar"]


def test_list_and_show_need_no_passphrase_and_tell_no_secret(root: Path):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.fleet.motes["kitchen"].channel, held.fleet.motes["kitchen"].why = "tls", "room for a session"
        found = held.credential("kitchen")
        held.save()
        secret = held.secrets.motes["kitchen"].root.hex()
    listed = json.loads(ironmote("list", "--json", cwd=root, typed=None).out)
    assert [(each["mote"], each["board"], each["channel"], each["state"]) for each in listed] == [
        ("cellar", "esp8266", None, "to provision"),
        ("kitchen", "esp32", "tls", "to provision"),
    ]
    shown = json.loads(ironmote("show", "kitchen", "--json", cwd=root, typed=None).out)
    assert (shown["why"], shown["serial"], shown["certificate"]) == (
        "room for a session",
        f"{found.serial:x}",
        found.expires,
    )
    table = ironmote("show", "kitchen", cwd=root, typed=None).out
    assert "room for a session" in table
    assert secret not in table
    fleet = ironmote("show", cwd=root, typed=None).out
    assert "192.168.1.2:8883" in fleet
    assert "passphrase" in fleet


def test_files_of_editors_are_no_motes_and_one_of_a_wrong_name_is_one_line(root: Path):
    (root / "motes" / ".#kitchen.toml").write_text("")
    (root / "registry" / ".kitchen.json.new").write_text("")
    listed = json.loads(ironmote("list", "--json", cwd=root, typed=None).out)
    assert [each["mote"] for each in listed] == ["cellar", "kitchen"]
    (root / "motes" / "Attic.toml").write_text('board = "esp32"\n')
    done = ironmote("list", cwd=root, typed=None)
    assert (done.status, done.out) == (1, "")
    assert "motes/Attic.toml: a mote's id is 1 to 23" in done.errors


def test_mote_whose_file_is_wrong_is_listed_with_what_is_wrong(root: Path):
    (root / "motes" / "kitchen.toml").write_text('bord = "esp32"\n')
    listed = json.loads(ironmote("list", "--json", cwd=root, typed=None).out)
    assert [each["mote"] for each in listed] == ["cellar", "kitchen"]
    assert "kitchen.toml:1" in listed[1]["state"]
    assert "did you mean board?" in listed[1]["state"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "kichen"), 1, "no mote is called kichen; did you mean kitchen?"),
        (("show", "Kitchen"), 1, "'Kitchen' cannot be a mote's id"),
        (("remove", "attic", "--yes"), 1, "no mote is called attic; ironmote list shows which there are"),
        (("remove", "kitchen"), 2, "There is no terminal to ask at; say --yes"),
        (("add", "attic"), 1, "attic needs a board: --board NAME; there are esp32"),
        (("add", "attic", "--board", "esp23"), 1, "no board is called 'esp23'"),
        (("add", "a/b", "--board", "esp32"), 1, "'a/b' cannot be a mote's id"),
        (("wifi", "home", "--remove"), 1, "no passphrase of home is kept"),
        (("certificate", "dashbord", "--to", "x"), 1, "no user is called dashbord; name it there, with its role"),
        (("init", "."), 1, "fleet.toml is there already"),
        (("list", "--fleet", "nowhere"), 1, "there is no nowhere/fleet.toml; ironmote init makes a fleet"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(root: Path, words: tuple, status: int, said: str):
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    before = files()
    reads = words[0] in ("show", "list", "init")
    done = ironmote(*words, cwd=root, typed=None if reads else PASSPHRASE)
    assert (done.status, done.out) == (status, "")
    assert said in done.errors
    assert done.errors.count("\n") == 1
    assert files() == before


def test_wrong_passphrase_is_one_line_that_does_not_repeat_it(root: Path):
    done = ironmote("add", "attic", "--board", "esp32", cwd=root, typed="not the one that it is")
    assert (done.status, done.out) == (1, "")
    assert done.errors.endswith("does not open: the passphrase is wrong\n")
    assert "not the one" not in done.errors


def test_network_passphrase_is_kept_and_forgotten(root: Path, tmp_path: Path):
    secret = private(tmp_path / "wifi", "swordfish under the sea")
    kept = ironmote("wifi", "home", "--wifi-passphrase-file", secret, "--json", cwd=root)
    assert json.loads(kept.out) == {"networks": ["home"]}
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert held.secrets.wifi == {"home": "swordfish under the sea"}
    forgotten = ironmote("wifi", "home", "--remove", "--json", cwd=root)
    assert json.loads(forgotten.out) == {"networks": []}


def test_roles_are_a_line_a_right_with_those_of_the_fleet(root: Path):
    fleet_toml = root / "fleet.toml"
    text = fleet_toml.read_text().replace('# dashboard = "monitor"', 'dashboard = "monitor"\nana = "gardener"')
    text += '\n[roles.gardener]\npublish = ["mote/pump/down"]\nsubscribe = ["mote/pump/up", "mote/pump/ack"]\nqos = 0\n'
    fleet_toml.write_text(text)
    found = {role["name"]: role for role in json.loads(ironmote("roles", "--json", cwd=root, typed=None).out)}
    assert found["monitor"]["users"] == ["dashboard"]
    assert found["monitor"]["publish"] == []
    assert found["gardener"] == {
        "name": "gardener",
        "about": "",
        "publish": ["mote/pump/down"],
        "subscribe": ["mote/pump/up", "mote/pump/ack"],
        "qos": 0,
        "users": ["ana"],
    }
    lines = [line.split() for line in ironmote("roles", cwd=root, typed=None).out.splitlines()]
    assert lines[0] == ["role", "may", "topic", "QoS", "who"]
    assert ["gardener", "publish", "mote/pump/down", "0", "ana"] in lines
    assert ["subscribe", "mote/+/up", "1"] in lines


def test_user_gets_a_certificate_outside_of_the_fleet_and_can_lose_it(root: Path, tmp_path: Path):
    fleet_toml = root / "fleet.toml"
    fleet_toml.write_text(fleet_toml.read_text().replace('# dashboard = "monitor"', 'dashboard = "monitor"'))
    refused = ironmote("certificate", "dashboard", "--to", root / "public", cwd=root)
    assert (refused.status, "where git would take the key" in refused.errors) == (2, True)
    done = ironmote("certificate", "dashboard", "--to", tmp_path / "out", "--json", cwd=root)
    assert done.errors == ""
    key = Path(json.loads(done.out)["key"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / "out" / "ca.crt").read_bytes() == (root / "public" / "ca.pem").read_bytes()
    revoked = ironmote("certificate", "dashboard", "--revoke", cwd=root)
    assert (revoked.status, revoked.errors) == (0, "")
    again = ironmote("certificate", "dashboard", "--revoke", cwd=root)
    assert (again.status, again.errors) == (1, "ironmote: dashboard has no certificate\n")


def test_fleet_moves_by_export_and_import(root: Path, tmp_path: Path):
    other = private(tmp_path / "other", "another one, quite long")
    done = ironmote("export", tmp_path / "out", "--export-passphrase-file", other, "--json", cwd=root)
    assert json.loads(done.out)["motes"] == 2
    taken = ironmote("export", tmp_path / "out", "--export-passphrase-file", other, cwd=root)
    assert (taken.status, "there already" in taken.errors) == (1, True)
    done = ironmote("import", tmp_path / "out", "copy", "--export-passphrase-file", other, cwd=tmp_path)
    assert (done.status, done.errors) == (0, "")
    with Folder.open(root).unlock(fleets.passphrase) as one:
        before = one.secrets
    with Folder.open(tmp_path / "copy").unlock(fleets.passphrase) as two:
        assert two.secrets == before


# Where the passphrase comes from


def test_keyring_opens_the_fleet_and_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import keyring
    from keyring_in_a_file import KeyringInAFile

    monkeypatch.setattr(KeyringInAFile, "path", tmp_path / "entries", raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(KeyringInAFile())
    try:
        made = ironmote("init", "g", "--keyring", cwd=tmp_path, typed=None)
        added = ironmote("add", "kitchen", "--board", "esp32", "--fleet", "g", cwd=tmp_path, typed=None)
        assert (made.status, made.errors, added.status, added.errors) == (0, "", 0, "")
        shown = json.loads(ironmote("show", "--json", "--fleet", "g", cwd=tmp_path, typed=None).out)
        assert (shown["key_store"], shown["motes"]) == ("keyring", 1)
    finally:
        keyring.set_keyring(before)


def test_descriptor_that_is_not_open_is_one_line(root: Path):
    done = ironmote("wifi", "x", "--remove", "--passphrase-fd", "9999", cwd=root, typed=None)
    assert (done.status, done.errors) == (1, "ironmote: file descriptor 9999 cannot be read: Bad file descriptor\n")


def test_file_that_everybody_can_read_is_refused(root: Path, tmp_path: Path):
    secret = private(tmp_path / "secret", PASSPHRASE)
    secret.chmod(0o644)
    done = ironmote("add", "attic", "--board", "esp32", cwd=root, typed=None, IRONMOTE_PASSPHRASE_FILE=str(secret))
    assert (done.status, f"chmod 600 {secret}" in done.errors) == (1, True)
    secret.chmod(0o600)
    done = ironmote("add", "attic", "--board", "esp32", cwd=root, typed=None, IRONMOTE_PASSPHRASE_FILE=str(secret))
    assert (done.status, done.errors) == (0, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "holds no passphrase"), ("\nsecond line\n", "holds no passphrase"), ("x" * 2000, "holds no passphrase")],
)
def test_file_without_a_passphrase_is_one_line(root: Path, tmp_path: Path, content: str, said: str):
    secret = private(tmp_path / "secret", content)
    done = ironmote("wifi", "x", "--remove", "--passphrase-file", secret, cwd=root, typed=None)
    assert (done.status, said in done.errors) == (1, True)


def test_no_terminal_is_one_line_that_names_the_option(root: Path):
    done = ironmote("add", "attic", "--board", "esp32", cwd=root, typed=None)
    assert (done.status, done.out) == (1, "")
    assert done.errors == "ironmote: there is no terminal to ask for the passphrase at; give --passphrase-file FILE\n"


def test_short_passphrase_is_refused_for_a_new_fleet(tmp_path: Path):
    done = ironmote("init", "g", cwd=tmp_path, typed="short")
    assert (done.status, "at least 12 letters" in done.errors) == (1, True)
    assert not (tmp_path / "g").exists()


def test_terminal_is_asked_and_does_not_show_what_is_typed(root: Path):
    with Terminal("remove", "cellar", cwd=root) as terminal:
        terminal.until(b"for ever? [y/N]")
        terminal.types(b"y\n")
        terminal.until(b"Passphrase of the key store: ")
        terminal.types(PASSPHRASE.encode() + b"\n")
        terminal.until(b"cellar: removed")
        assert terminal.ends() == 0
    assert PASSPHRASE.encode() not in terminal.seen
    assert not (root / "motes" / "cellar.toml").exists()


@pytest.mark.parametrize(("typed", "status", "said"), [(b"n\n", 1, b"nothing was done"), (b"\x03", 130, b"")])
def test_no_and_ctrl_c_at_the_question_change_nothing(root: Path, typed: bytes, status: int, said: bytes):
    with Terminal("remove", "cellar", cwd=root) as terminal:
        terminal.until(b"[y/N]")
        terminal.types(typed)
        assert terminal.ends() == status
    assert said in terminal.seen
    assert (root / "motes" / "cellar.toml").exists()


def test_new_passphrase_is_asked_for_twice(tmp_path: Path):
    with Terminal("init", "g", cwd=tmp_path) as terminal:
        terminal.until(b"Passphrase of the new key store: ")
        terminal.types(PASSPHRASE.encode() + b"\n")
        terminal.until(b"The same again: ")
        terminal.types(PASSPHRASE.upper().encode() + b"\n")
        assert terminal.ends() == 1
    assert b"two different passphrases; nothing was done" in terminal.seen
    assert not (tmp_path / "g").exists()


def test_revoking_where_no_broker_was_written_is_done_and_says_so(root: Path):
    done = ironmote("revoke", "kitchen", "--yes", "--json", cwd=root)
    assert (done.status, done.errors) == (0, "")
    said = json.loads(done.out)
    assert (said["revoked"], said["trouble"]) == ("kitchen", None)
    assert said["broker"] == "none was written here: there is none to tell"
