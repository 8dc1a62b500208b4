"""Board profiles, pinned packages, compilation, and what is copied to a device."""

import pytest
from ironmote import boards, compiler, device, packages, tree
from ironmote.errors import CompileError, IronmoteError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(packages, "cache_folder", lambda: folder)
    monkeypatch.setattr(compiler, "cache_folder", lambda: folder)
    return folder


def test_every_profile_is_right():
    assert {"esp32", "esp8266", "unix"} <= set(boards.names())
    for name in boards.names():
        profile = boards.load(name)
        assert profile.name == name
        assert profile.simulated_heap_bytes == 2 * profile.heap_bytes + profile.frozen_code_bytes + profile.sim_bytes
        assert set(profile.frozen) <= set(packages.pins()) | {"mote"}


def test_no_file_of_a_device_starts_webrepl():
    own = tree.find()
    files = [own.boot, own.main, own.ussl, *sorted(own.mote.rglob("*.py"))]
    assert len(files) > 20
    assert not [path.name for path in files if "webrepl" in path.read_text(encoding="utf-8").lower()]


def test_unknown_board_is_said_in_one_line():
    with pytest.raises(IronmoteError, match="esp8266, pico-w, unix; did you mean esp32") as caught:
        boards.load("esp99")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        ("heap_bytes = ", 'heap_bytes = "'),
        ("room = true", "room = 1"),
        ('name = "esp32"', 'name = "other"'),
        ("relay = 19", "relay = 5"),
        ("relay = 19", "relay = 18"),
        ("dimmer = 18", "dimmer = 34"),
        ("4-5", "4-6"),
        ('"1, 3"', '"64"'),
        ("bytes = 0x200000", "bytes = 0x1FFFFF"),
        ("bytes = 0x200000", "bytes = 0x201000"),
    ],
)
def test_bad_profile_is_refused(tmp_path, monkeypatch, change):
    text = (tree.find().firmware / "boards" / "esp32.toml").read_text()
    (tmp_path / "esp32.toml").write_text(text.replace(*change))
    monkeypatch.setattr(boards, "_folder", lambda: tmp_path)
    with pytest.raises(IronmoteError, match=r"esp32\.toml is not a board profile"):
        boards.load("esp32")


def test_package_comes_from_the_cache_without_a_network(cache, monkeypatch):
    for name in packages.pins():
        packages.fetch(name)
    monkeypatch.setattr(packages, "_download", lambda *_: pytest.fail("it is in the cache"))
    for name, pin in packages.pins().items():
        for module in pin.modules:
            assert (packages.fetch(name) / module).read_bytes()


def test_package_with_another_hash_is_refused(cache, monkeypatch):
    pin = packages.pins()["umqtt-simple"]
    forged = packages.Pin(pin.project, pin.version, "0" * 64, pin.modules)
    monkeypatch.setattr(packages, "pins", lambda: {"umqtt-simple": forged})
    with pytest.raises(IronmoteError, match=r"SHA-256|pins"):
        packages.fetch("umqtt-simple")
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_package_without_a_network_is_said_in_one_line(cache, monkeypatch):
    monkeypatch.setattr(packages, "_sources", lambda: (["http://127.0.0.1:9/simple/"], []))
    with pytest.raises(IronmoteError) as caught:
        packages.fetch("umqtt-simple")
    assert "\n" not in str(caught.value)


def test_compiled_file_is_made_once(cache, tmp_path, monkeypatch):
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    first = compiler.compile_file(source, "a.py", 1, 31)
    assert first.startswith(b"M\x06")
    monkeypatch.setattr(compiler, "_command", lambda: pytest.fail("it is in the cache"))
    assert compiler.compile_file(source, "a.py", 1, 31) == first


def test_changed_source_is_compiled_anew(cache, tmp_path):
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    first = compiler.compile_file(source, "a.py", 1, 31)
    source.write_text("x = 'other'\n")
    assert compiler.compile_file(source, "a.py", 1, 31) != first


def test_bad_source_is_said_in_one_line(cache, tmp_path):
    source = tmp_path / "a.py"
    source.write_text("def f(:\n")
    with pytest.raises(CompileError, match=r"a\.py is not valid MicroPython: .*SyntaxError") as caught:
        compiler.compile_file(source, "a.py", 1, 31)
    assert "\n" not in str(caught.value)


SETTINGS = {
    "v": 1, "mote": "kitchen", "fleet": bytes(16), "board": "esp32", "zone": "home", "generation": 1,
    "channel": "tls", "floor": "sealed", "room": True, "wifi": {"ssid": "home"},
    "broker": {"host": "127.0.0.1", "port": 8883, "name": "localhost"}, "connect": "static",
    "keepalive_s": 30, "timeout_ms": 10000, "sample_ms": 1000, "command_age_s": 60,
    "clock_floor": 1760000000, "ntp": "", "i2c": {"sda": 21, "scl": 22, "freq_hz": 100000}, "onewire": None,
    "sensors": [{"kind": "bh1750", "address": 35, "names": {"illuminance": "light"}}],
    "actuators": [{"kind": "relay", "name": "relay", "pin": 5, "safe": 0}], "led": 2, "outbox": 32,
}  # fmt: skip


def test_flash_holds_what_a_board_is_given():
    flash = device.build_flash(boards.load("esp32"), SETTINGS, {"/ca.der": b"ca"})
    assert flash["/boot.py"] == tree.find().boot.read_bytes()
    assert flash["/main.py"] == tree.find().main.read_bytes()
    assert flash["/ca.der"] == b"ca"
    assert "/settings.cbor" in flash
    assert "/lib/ussl.mpy" in flash
    assert "/lib/mote/app.mpy" in flash
    assert all(path.endswith(".mpy") for path in flash if path.startswith("/lib/"))


def test_flash_holds_the_drivers_that_are_used():
    flash = device.build_flash(boards.load("esp32"), SETTINGS, {})
    assert {"/lib/mote/sensors/bh1750.mpy", "/lib/mote/sensors/__init__.mpy"} <= set(flash)
    assert {"/lib/mote/actuators/relay.mpy", "/lib/mote/actuators/__init__.mpy"} <= set(flash)
    assert not {path for path in flash if "bme280" in path or "ds18b20" in path or "dimmer" in path}


def test_image_that_holds_the_mote_needs_no_copy_of_it():
    profile = boards.load("esp8266")
    flash = device.build_flash(profile, SETTINGS, {})
    assert sorted(flash) == ["/boot.py", "/main.py", "/pins", "/settings.cbor"]
    assert {"mote/app.mpy", "mote/sensors/bme280.mpy", "ussl.mpy", "umqtt/simple.mpy"} <= set(
        device.frozen_modules(profile)
    )


def test_umqtt_is_copied_only_where_firmware_lacks_it():
    assert not [path for path in device.build_flash(boards.load("esp32"), SETTINGS, {}) if "umqtt" in path]
    assert "umqtt/simple.mpy" in device.frozen_modules(boards.load("esp32"))
    assert "/lib/umqtt/simple.mpy" in device.build_flash(boards.load("unix"), SETTINGS, {})
    assert device.frozen_modules(boards.load("unix")) == {}


def test_bad_settings_are_said_in_one_line():
    with pytest.raises(IronmoteError, match=r"settings of 'kitchen': channel: one of") as caught:
        device.build_flash(boards.load("esp32"), SETTINGS | {"channel": "plain"}, {})
    assert "\n" not in str(caught.value)


def test_every_import_of_the_mote_is_copied():
    """What is on the board names nothing of the mote package that is not there too."""
    for sensors in ([], [{"kind": "bme280", "address": 118, "names": {"temperature": "temperature"}}]):
        flash = device.build_flash(boards.load("esp32"), SETTINGS | {"sensors": sensors}, {})
        assert len([path for path in flash if path.startswith("/lib/mote/")]) > 25
        for module in ("command", "sealed", "record", "aead", "tls", "facts", "sensors/buses"):
            assert f"/lib/mote/{module}.mpy" in flash


def test_damaged_file_of_the_cache_is_compiled_anew(cache, tmp_path):
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    first = compiler.compile_file(source, "a.py", 1, 31)
    (kept,) = [path for path in cache.rglob("*") if path.is_file()]
    for damaged in (b"", kept.read_bytes()[:-1], kept.read_bytes()[:-1] + b"?"):
        kept.write_bytes(damaged)
        assert compiler.compile_file(source, "a.py", 1, 31) == first
