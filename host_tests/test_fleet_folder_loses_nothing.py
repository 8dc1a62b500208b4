"""A fleet's folder loses nothing: cut off anywhere, put back from a copy, edited by hand, or moved elsewhere."""

import base64
import json
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import fleets
import pytest
from cryptography import x509
from fleets import ironmote
from ironmote import archive, durable, encrypted, fleet_folder, key_store, registry, rotation
from ironmote.errors import IronmoteError
from ironmote.fleet import CLEAR, HOME
from ironmote.fleet_folder import Folder, FolderError
from ironmote.fleet_paths import Paths
from ironmote.process_lock import ProcessLock
from mote.channel import CHANNELS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fleets.make(tmp_path / "greenhouse", {"kitchen": "esp32", "cellar": "esp8266"}).paths.root


def test_what_is_saved_comes_back(root: Path):
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        kitchen, cellar = held.fleet.motes["kitchen"], held.fleet.motes["cellar"]
        assert (kitchen.board, kitchen.channel, kitchen.why, kitchen.zone) == ("esp32", "tls", "it has room", HOME)
        assert (cellar.board, cellar.channel, cellar.generation) == ("esp8266", None, 1)
        assert cellar.successor is not None
        rotation.finish(cellar, 2)
        cellar.channel = "sealed"
        root_key = cellar.root
        held.save()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        cellar = held.fleet.motes["cellar"]
        assert (cellar.root, cellar.successor, cellar.generation, cellar.zone) == (root_key, None, 2, CLEAR)
        assert held.entry("cellar").generation == 2
        assert held.folder.entry("cellar").generation == 2


def test_motes_that_are_added_are_there_at_once_and_what_was_changed_before_stays(root: Path):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.fleet.motes["kitchen"].channel = "tls"
        held.add("attic", "esp8266")
        attic = held.fleet.motes["attic"]
        assert (attic.board, attic.generation) == ("esp8266", 1)
        attic.channel = "sealed"
        held.save()
        held.remove("cellar")
        assert "cellar" not in held.fleet.motes
        held.save()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert {name: mote.channel for name, mote in held.fleet.motes.items()} == {"attic": "sealed", "kitchen": "tls"}
        assert held.fleet.motes["attic"].root == attic.root


def test_revoked_mote_has_another_key_and_no_certificate_and_no_broker_is_told_of_it(root: Path):
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        before = held.fleet.motes["kitchen"].root
        assert [mote.id for mote in held.fleet.certified()] == ["kitchen"]
        held.revoke("kitchen")
        held.save()
        with pytest.raises(FolderError, match="no mote is called kichen; did you mean kitchen"):
            held.revoke("kichen")
    with Folder.open(root).unlock(fleets.passphrase) as held:
        kitchen = held.fleet.motes["kitchen"]
        assert (kitchen.revoked, kitchen.generation, kitchen.root != before) == (True, 2, True)
        assert (list(held.fleet.certified()), list(held.fleet.encrypting())) == ([], [])
        assert "kitchen" not in held.secrets.leaves
        assert len(held.secrets.revoked) == 1
        kitchen.revoked = False  # as provisioning it again does
        held.save()
    assert Folder.open(root).entry("kitchen").revoked is False


@pytest.mark.parametrize(
    ("trust", "fit"),
    [
        ("trusted", {"tls", "tls+sealed", "tls-psk", "tls-psk+sealed"}),
        ("clear", {"sealed"}),
        ("public", {"sealed", "tls+sealed", "tls-psk+sealed"}),
    ],
)
def test_mote_is_never_sent_to_a_zone_that_could_read_it(root: Path, trust: str, fit: set[str]):
    with (root / "fleet.toml").open("a") as file:
        file.write(f'\n[zones.there]\ntrust = "{trust}"\nbrokers = [{{ host = "x", port = 1 }}]\n')
    (root / "motes" / "kitchen.toml").write_text('board = "esp32"\nzone = "there"\n')
    folder = Folder.open(root)
    for channel in CHANNELS:
        entry = registry.Entry(channel=channel)
        if channel in fit:
            assert folder.zone_of(folder.mote_file("kitchen"), entry).name == "there"
        else:
            with pytest.raises(FolderError, match=f"there is {trust}, which is not for the channel"):
                folder.zone_of(folder.mote_file("kitchen"), entry)


def test_user_called_as_a_mote_gets_no_rights_of_the_other(root: Path):
    """Brokers go by names: a mote's certificate would open what the user may."""
    path = root / "fleet.toml"
    path.write_text(path.read_text().replace('# dashboard = "monitor"', 'kitchen = "administrator"'))
    done = ironmote("broker", "write", "nats", cwd=root)
    assert (done.status, "users.kitchen: a mote is called so" in done.errors) == (1, True)


def test_folders_of_brokers_and_gateways_that_an_owner_made_are_closed_to_others(root: Path):
    """Others who may write there could put a roster with keys of their own, or a socket, in the place of ours."""
    for name in ("brokers", "gateway"):
        (root / name).mkdir()
        (root / name).chmod(0o777)
    assert ironmote("broker", "write", "nats", cwd=root).status == 0
    assert {stat.S_IMODE((root / name).stat().st_mode) for name in ("brokers", "gateway")} == {0o700}


def test_settings_of_a_mote_can_be_made_of_the_folder(root: Path):
    from ironmote import boards, mote_file

    fleet_toml = root / "fleet.toml"
    fleet_toml.write_text(
        fleet_toml.read_text()
        .replace('# ssid = "home"', 'ssid = "home"')
        .replace("# sample_ms = 10000", "sample_ms = 5000")
    )
    folder = Folder.open(root)
    with folder.unlock(fleets.passphrase) as held:
        cellar = held.fleet.motes["cellar"]
        cellar.channel = "sealed"
        held.save()
    with folder.unlock(fleets.passphrase) as held:
        known = folder.known(held.fleet.motes["cellar"], 1_800_000_000)
        settings = mote_file.compile(folder.mote_file("cellar"), boards.load("esp8266"), known)
    assert settings["broker"] == [{"host": "192.168.1.2", "port": 1883, "name": "broker.clear"}]
    assert (settings["sample_ms"], settings["wifi"]["ssid"], settings["zone"]) == (5000, "home", "clear")
    assert settings["fleet"] == folder.file.id


@pytest.fixture
def cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Callable[[], object]], list[Path]]:
    """What a kill would leave of a folder at each moment of something: copies, from the first to the last."""

    def run(folder: Path, something: Callable[[], object]) -> list[Path]:
        found: list[Path] = []

        def cut(really: Callable[..., object]) -> Callable[..., object]:
            def copy_first(*arguments: object) -> object:
                found.append(Path(shutil.copytree(folder, tmp_path / f"cut {len(found)}")))
                return really(*arguments)

            return copy_first

        with monkeypatch.context() as patch:
            for name in ("replace", "remove"):
                patch.setattr(durable, name, cut(getattr(durable, name)))
            something()
        return found

    return run


def test_making_a_fleet_that_was_cut_off_is_done_by_the_same_command(tmp_path: Path, cuts):
    left = cuts(tmp_path / "new", lambda: fleets.make(tmp_path / "new"))
    assert len(left) >= 6
    for each in left:
        if not (each / "fleet.toml").exists():
            fleets.make(each)
        with Folder.open(each).unlock(fleets.passphrase) as held:
            assert held.add("kitchen", "esp32")
            held.save()
        # A key store that has been in use is never written over.
        (each / "fleet.toml").unlink()
        with pytest.raises(FolderError, match="store is there already"):
            fleets.make(each)


def test_of_two_that_make_a_fleet_at_once_the_second_leaves_the_keys_of_the_first(tmp_path: Path, monkeypatch):
    root, locked = tmp_path / "new", fleet_folder._locked

    def late(paths: Paths) -> object:
        monkeypatch.setattr(fleet_folder, "_locked", locked)
        fleets.make(root)
        return locked(paths)

    monkeypatch.setattr(fleet_folder, "_locked", late)
    with pytest.raises(FolderError, match="is there already"):
        fleets.make(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert held.add("kitchen", "esp32")


def test_removing_that_was_cut_off_is_ended_by_the_same_command_and_no_gateway_serves_the_mote(root: Path, cuts):
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.fleet.motes["cellar"].channel = "sealed"
        held.tell_gateways()
        held.save()
    assert "cellar" in (root / "gateway" / "roster.json").read_text()
    left = cuts(root, lambda: ironmote("remove", "cellar", "--yes", cwd=root))
    assert len(left) >= 4
    for each in left:
        done = ironmote("remove", "cellar", "--yes", cwd=each)
        assert done.status == 0, done
        assert "cellar" not in (each / "gateway" / "roster.json").read_text()
        with Folder.open(each).unlock(fleets.passphrase) as held:
            assert held.folder.known_ids() == ["kitchen"]
            assert held.entry("cellar").generation == 2, "a rotation was under way"


def test_removed_mote_leaves_no_key_and_its_id_goes_on_counting(root: Path):
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        serial = x509.load_pem_x509_certificate(held.folder.certificate("kitchen")).serial_number
        held.remove("kitchen")
        held.remove("cellar")  # in the middle of a rotation: two generations are spent
        held.save()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert held.secrets.motes == {}
        assert "kitchen" not in held.secrets.leaves
        assert held.folder.mote_ids() == []
        assert not held.folder.paths.certificate("kitchen").exists()
        listed = x509.load_pem_x509_crl((root / "public" / "crl.pem").read_bytes())
        assert [each.serial_number for each in listed] == [serial]
        assert held.add("kitchen", "esp32")
        assert held.add("cellar", "esp8266")
        held.save()
        assert held.fleet.motes["kitchen"].generation == 2
        assert held.fleet.motes["cellar"].generation == 3


def test_mote_whose_file_was_deleted_by_hand_keeps_its_keys(root: Path):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        before = held.secrets.motes["kitchen"].root
    text = (root / "motes" / "kitchen.toml").read_text()
    (root / "motes" / "kitchen.toml").unlink()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert "kitchen" not in held.fleet.motes
        assert held.add("attic", "esp32")
        held.save()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert held.add("kitchen", "esp32") is False
        held.save()
        assert held.fleet.motes["kitchen"].root == before
    assert (root / "motes" / "kitchen.toml").read_text() == text


def test_file_that_an_owner_wrote_is_kept_when_the_mote_is_added(root: Path):
    path = root / "motes" / "attic.toml"
    path.write_text('board = "esp32"\nsample_ms = 60000\n')
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert "attic" not in held.fleet.motes
        held.add("attic", None)
        held.save()
        assert held.fleet.motes["attic"].board == "esp32"
    assert path.read_text() == 'board = "esp32"\nsample_ms = 60000\n'


def test_file_that_is_wrong_stops_neither_adding_nor_removing_others(root: Path):
    (root / "motes" / "kitchen.toml").write_text('board = "esp23"\n')
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.add("attic", "esp32")
        held.remove("cellar")
        held.save()
        with pytest.raises(IronmoteError, match=r"kitchen.toml:1: .*did you mean esp32"):
            held.fleet  # noqa: B018
        assert "kitchen" in held.secrets.motes


def test_old_key_store_that_was_put_back_is_found_out(root: Path):
    old = (root / "keys" / "store").read_bytes()
    with Folder.open(root).unlock(fleets.passphrase) as held:
        rotation.replace(held.fleet.motes["cellar"])
        held.save()
    (root / "keys" / "store").write_bytes(old)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert held.lagging() == ["cellar"]
        held.save()
        assert held.lagging() == ["cellar"], "saving forgets nothing"
        cellar = held.fleet.motes["cellar"]
        rotation.replace(cellar, held.entry("cellar").generation)
        assert cellar.generation == 3
        held.save()
        assert held.lagging() == []


def test_key_store_of_another_fleet_does_not_open_this_one(root: Path, tmp_path: Path):
    other = fleets.make(tmp_path / "other").paths
    shutil.copy(other.store, root / "keys" / "store")
    with pytest.raises(IronmoteError, match="of two fleets"), Folder.open(root).unlock(fleets.passphrase):
        pass


def test_second_process_waits_and_then_sees_what_the_first_wrote(root: Path):
    lock = ProcessLock(root / "keys" / "lock")
    entered = threading.Event()

    def add() -> None:
        entered.set()
        with Folder.open(root).unlock(fleets.passphrase) as held:
            held.add("attic", "esp32")
            held.save()

    second = threading.Thread(target=add)
    second.start()
    entered.wait()
    try:
        store, secrets = key_store.KeyStore.open(root / "keys" / "store", fleets.passphrase)
        secrets.wifi["home"] = "swordfish"
        store.save(secrets)
        assert not (root / "motes" / "attic.toml").exists()
    finally:
        lock.release()
    second.join(fleets.WAIT_S)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        assert "attic" in held.fleet.motes
        assert held.secrets.wifi == {"home": "swordfish"}


def test_folder_that_stays_busy_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fleet_folder, "_WAIT_S", 0.1)
    lock = ProcessLock(root / "keys" / "lock")
    with pytest.raises(FolderError, match="another ironmote is working"), Folder.open(root).unlock(fleets.passphrase):
        pass
    lock.release()


@pytest.mark.parametrize("at", range(6))
def test_making_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int):
    from ironmote import durable

    calls = iter(range(100))
    real = durable.replace

    def failing(*arguments, **more):
        if next(calls) == at:
            raise KeyboardInterrupt
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace", failing)
        try:
            fleets.make(tmp_path / "g")
        except KeyboardInterrupt:
            left = [path.name for path in (tmp_path / "g").rglob("*") if path.is_file()]
            assert set(left) <= {"lock", ".gitignore"}
        else:
            assert at == 5, "there are five files"
            return
    fleets.make(tmp_path / "g")


@pytest.mark.parametrize("at", range(4))
def test_adding_that_is_cut_off_can_be_done_again(root: Path, monkeypatch: pytest.MonkeyPatch, at: int):
    """Keys first, then what names them: wherever it ends, the next one goes on from there."""
    from ironmote import durable

    calls = iter(range(100))
    real = durable.replace

    def failing(*arguments, **more):
        if next(calls) == at:
            raise OSError(5, "Input/output error")
        return real(*arguments, **more)

    done = False
    with Folder.open(root).unlock(fleets.passphrase) as held, monkeypatch.context() as patch:
        patch.setattr(durable, "replace", failing)
        held.add("attic", "esp32")
        try:
            held.save()
            done = True
        except OSError:
            pass
    assert done == (at == 3), "store, registry, file"
    with Folder.open(root).unlock(fleets.passphrase) as held:
        if not done:
            held.add("attic", "esp32")
            held.save()
        assert held.fleet.motes["attic"].generation == held.entry("attic").generation == 1
        assert held.lagging() == []


def test_exported_fleet_is_imported_whole_under_another_passphrase(root: Path, tmp_path: Path):
    fleets.live(root)
    with Folder.open(root).unlock(fleets.passphrase) as held:
        before = held.secrets
        archive.write(tmp_path / "out", held, "another one, quite long", fleets.CHEAP)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
    assert before.motes["kitchen"].root not in (tmp_path / "out").read_bytes()
    secrets, files = archive.read(tmp_path / "out", lambda: "another one, quite long")
    key = encrypted.new_by_passphrase(key_store.KIND, fleets.PASSPHRASE, fleets.CHEAP)
    made = fleet_folder.create(tmp_path / "copy", key, secrets, files)
    with made.unlock(fleets.passphrase) as held:
        assert held.secrets == before
        assert sorted(held.fleet.motes) == ["cellar", "kitchen"]
        assert held.fleet.motes["kitchen"].channel == "tls"
        assert held.credential("kitchen").cert_pem == (root / "public" / "certs" / "kitchen.pem").read_bytes()
    for path in root.rglob("*"):
        name = path.relative_to(root)
        if path.is_file() and name.parts[0] != "keys":
            assert (tmp_path / "copy" / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["../x.toml", "motes/../../x", "keys/store", "/etc/x", "motes/A.toml", ".gitignore"])
def test_file_of_an_archive_that_would_leave_its_place_is_refused(tmp_path: Path, root: Path, name: str):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        secrets = base64.b64encode(held.secrets.to_json()).decode()
    content = {"files": {"fleet.toml": "", name: ""}, "secrets": secrets}
    data = encrypted.new_by_passphrase(archive.KIND, fleets.PASSPHRASE, fleets.CHEAP).encrypt(
        json.dumps(content).encode()
    )
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(archive.ArchiveError, match="another version"):
        archive.read(tmp_path / "bad", fleets.passphrase)


def test_archive_with_a_wrong_passphrase_or_damage_is_one_line(tmp_path: Path, root: Path):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        archive.write(tmp_path / "out", held, "another one, quite long", fleets.CHEAP)
    with pytest.raises(archive.ArchiveError, match="passphrase is wrong"):
        archive.read(tmp_path / "out", fleets.passphrase)
    data = (tmp_path / "out").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-1])
    with pytest.raises(archive.ArchiveError, match="damaged"):
        archive.read(tmp_path / "cut", lambda: "another one, quite long")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"generation": "1"}',
        '{"generation": 256}',
        '{"generation": true}',
        '{"channel": "radio"}',
        '{"expires": 99999999999999999999}',
        '{"provisioned_at": -1}',
        '{"x": 1}',
    ],
)
def test_registry_that_is_not_one_is_one_line(root: Path, text: str):
    (root / "registry" / "kitchen.json").write_text(text)
    with pytest.raises(IronmoteError, match=r"kitchen.json is not as ironmote wrote it") as caught:
        Folder.open(root).entry("kitchen")
    assert "\n" not in str(caught.value)


def test_folder_is_found_from_below_and_one_that_is_none_is_one_line(root: Path, tmp_path: Path):
    assert Folder.find(root / "public" / "certs").paths.root == root.resolve()
    with pytest.raises(FolderError, match="ironmote init makes one"):
        Folder.find(tmp_path)


def test_copy_without_keys_can_be_listed_and_says_where_keys_come_from(root: Path, tmp_path: Path):
    shutil.copytree(root, tmp_path / "clone", ignore=shutil.ignore_patterns("keys"))
    listed = ironmote("list", "--json", cwd=tmp_path / "clone", typed=None)
    assert [each["mote"] for each in json.loads(listed.out)] == ["cellar", "kitchen"]
    done = ironmote("add", "attic", "--board", "esp32", cwd=tmp_path / "clone")
    assert (done.status, done.out) == (1, "")
    assert "ironmote import brings one with its keys" in done.errors
