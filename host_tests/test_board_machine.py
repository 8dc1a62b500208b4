"""The simulated `machine`, `network`, `esp32` and `time`: what a program on the board sees, and what the host sees."""

import json
import time

import pytest
from board_process import BoardProcess


@pytest.fixture
def board(tmp_path):
    return BoardProcess(tmp_path)


def test_the_program_sees_the_tree_of_a_board(board):
    program = 'import os, sys\nprint(sys.path, os.getcwd(), "main.py" in os.listdir(), sys.argv, __name__)\n'
    assert board.run(program) == ["['', '/.board', '/.firmware', '.frozen', '/lib'] / True [] __main__"]


def test_power_on_starts_the_clock_at_2000_and_a_reset_does_not(board):
    program = (
        "import machine, time\nprint(machine.reset_cause(), time.gmtime()[:6], time.gmtime(0)[0])\nmachine.reset()\n"
    )
    assert board.run(program) == ["1 (2000, 1, 1, 0, 0, 0) 2000"]
    assert board.status == 71
    set_clock = (
        "import machine, time\nprint(machine.reset_cause())\n"
        "machine.RTC().datetime((2026, 2, 28, 5, 23, 59, 58, 0))\n"
        "print(machine.RTC().datetime()[:7], time.mktime(time.gmtime()) == time.time())\nmachine.reset()\n"
    )
    assert board.run(set_clock) == ["2", "(2026, 2, 28, 5, 23, 59, 58) True"]
    time.sleep(2)
    assert board.run("import time\nprint(time.gmtime()[:4])\n") == ["(2026, 3, 1, 0)"]
    assert board.run("import time\nprint(time.gmtime()[0])\n") == ["2000"]


def test_rtc_memory_outlives_deep_sleep_and_not_the_loss_of_power(board):
    assert board.run("import machine\nmachine.RTC().memory(b'kept')\nmachine.deepsleep(1500)\n") == []
    assert board.status == 72
    assert (board.folder / "sleep_ms").read_text() == "1500"
    show = "import machine\nprint(machine.reset_cause(), machine.RTC().memory())\n"
    assert board.run(show) == ["4 b'kept'"]
    assert board.run(show) == ["1 b''"]


def test_rtc_memory_has_the_chips_size(tmp_path):
    program = "import machine\nfor n in (492, 493, 2048, 2049):\n    machine.RTC().memory(bytes(n))\n    print(n)\n"
    assert BoardProcess(tmp_path / "a").run(program)[:3] == ["492", "493", "2048"]
    assert BoardProcess(tmp_path / "b", board="esp8266", unique_id="a1b2c3d4").run(program)[:2] == [
        "492",
        "Traceback (most recent call last):",
    ]


def test_an_uncaught_exception_ends_with_1_and_sys_exit_is_a_soft_reset(board):
    assert "ZeroDivisionError" in board.run("1 / 0\n")[-1]
    assert board.status == 1
    board.run("import sys\nsys.exit()\n")
    assert board.status == 73
    assert board.run("import machine\nprint(machine.reset_cause() == machine.SOFT_RESET)\n") == ["True"]


def test_a_boot_file_that_fails_keeps_main_from_running(board):
    (board.folder / "flash" / "boot.py").write_text("1 / 0\n")
    assert "main" not in board.run("print('main')\n")
    assert board.status == 1


def test_code_is_run_in_place_of_the_files(board):
    board.run("print('main')\n")
    process = board.start("--code", "import machine\nprint(machine.unique_id())")
    assert process.communicate(timeout=30)[0] == "b'\\xa1\\xb2\\xc3\\xd4\\xe5\\xf6'\n"
    assert not (board.folder / "rtc").read_bytes()[8:]


def test_the_watchdogs_file_holds_its_timeout_and_is_written_at_each_feed(board):
    board.run("import machine\nmachine.WDT(timeout=8000).feed()\n")
    first = (board.folder / "wdt").stat().st_mtime_ns
    assert (board.folder / "wdt").read_text() == "8000"
    board.run("import machine, time\nw = machine.WDT(timeout=8000)\ntime.sleep_ms(20)\nw.feed()\n")
    assert (board.folder / "wdt").stat().st_mtime_ns > first


def test_the_host_sees_what_the_pins_drive(board):
    program = """
from mote import actuators
from mote.kinds import ACTUATOR
from mote.schema import check
relay = actuators.create(check({"kind": "relay", "name": "relay", "pin": 5, "safe": 0}, ACTUATOR, ""))
dimmer = actuators.create(check({"kind": "dimmer", "name": "dimmer", "pin": 18, "safe": 0}, ACTUATOR, ""))
print(relay.set(True), relay.set(0), relay.set(1), dimmer.set(40), dimmer.set(100), dimmer.set(12.5), dimmer.state())
for actuator, value in ((relay, 2), (relay, "1"), (relay, None), (dimmer, True), (dimmer, 100.1), (dimmer, -1),
                        (dimmer, float("nan")), (dimmer, "40"), (dimmer, None)):
    try:
        print("took", value, actuator.set(value))
    except actuators.ActuatorError:
        pass
"""
    assert board.run(program) == ["1 0 1 40.0 100.0 12.5 12.5"]
    pins = json.loads((board.folder / "pins.json").read_text())
    assert pins == {"5": 1, "18": {"freq": 1000, "duty_u16": 8192}}


def test_pins_that_the_chip_lacks_are_refused(board):
    program = """
from machine import Pin
for number, mode in ((6, Pin.IN), (40, Pin.IN), (34, Pin.OUT)):
    try:
        Pin(number, mode)
    except ValueError as error:
        print(number, error)
"""
    assert board.run(program) == ["6 invalid pin", "40 invalid pin", "34 pin can only be input"]


JOIN = """
import network, time
wlan = network.WLAN(network.STA_IF)
wlan.active(True)
print(wlan.status() == network.STAT_IDLE, wlan.isconnected())
try:
    wlan.config(reconnects=0)
except ValueError:
    print("for ever")
wlan.connect("%s", "%s")
print(wlan.status() == network.STAT_CONNECTING)
time.sleep_ms(400)
for name in ("STAT_GOT_IP", "STAT_WRONG_PASSWORD", "STAT_NO_AP_FOUND"):
    if wlan.status() == getattr(network, name):
        print(name, wlan.isconnected(), wlan.ifconfig()[0])
"""


@pytest.mark.parametrize("chip", ["esp32", "esp8266"])
@pytest.mark.parametrize(
    ("ssid", "password", "ends"),
    [
        ("home", "correct horse", "STAT_GOT_IP True 192.168.4.2"),
        ("home", "battery staple", "STAT_WRONG_PASSWORD False 0.0.0.0"),
        ("elsewhere", "correct horse", "STAT_NO_AP_FOUND False 0.0.0.0"),
    ],
)
def test_the_station_says_how_joining_went(tmp_path, chip, ssid, password, ends):
    board = BoardProcess(tmp_path, board=chip)
    said = board.run(JOIN % (ssid, password))
    assert said.count("for ever") == (chip == "esp8266"), "it alone cannot be told to give up"
    assert [line for line in said if line != "for ever"] == ["True False", "True", ends]


def test_esp32_that_was_not_told_to_give_up_never_says_what_is_wrong(board):
    program = """
import network, time
wlan = network.WLAN()
wlan.active(True)
wlan.connect("home", "battery staple")
time.sleep_ms(1000)
print(wlan.status() == network.STAT_CONNECTING)
try:
    wlan.connect("home", "correct horse")
except OSError as error:
    print(error)
wlan.disconnect()
print(wlan.status() == network.STAT_WRONG_PASSWORD)
wlan.config(reconnects=2)
wlan.connect("home", "battery staple")
time.sleep_ms(700)
print(wlan.status() == network.STAT_CONNECTING)
time.sleep_ms(300)
print(wlan.status() == network.STAT_WRONG_PASSWORD)
"""
    assert board.run(program) == ["True", "Wifi Internal State Error", "True", "True", "True"]


AIR = [
    {"ssid": "far", "password": "one", "rssi": -80},
    {"ssid": "near", "password": "two", "rssi": -40},
    {"ssid": "near", "password": "two", "rssi": -60},
]


def test_several_access_points_are_in_the_air_and_some_can_go(tmp_path):
    board = BoardProcess(tmp_path, wifi=AIR, faults=True)
    program = """
import network, time
wlan = network.WLAN()
wlan.active(True)
print([(each[0], each[3]) for each in wlan.scan()], len(set(each[1] for each in wlan.scan())))
wlan.config(reconnects=0)
for ssid, key in (("far", "one"), ("near", "two")):
    wlan.connect(ssid, key)
    time.sleep_ms(400)
    print(wlan.isconnected(), wlan.status("rssi"))
    wlan.disconnect()
"""
    near = "(b'near', -40), (b'near', -60)"
    assert board.run(program) == [f"[(b'far', -80), {near}] 3", "True -80", "True -40"]
    board.put(wifi=["far"])
    assert board.run(program) == [f"[{near}] 2", "False 0", "True -40"]


def test_fixed_address_is_the_one_it_was_given(board):
    program = """
import network, time
wlan = network.WLAN()
wlan.active(True)
wlan.ifconfig(("10.0.0.5", "255.255.255.0", "10.0.0.1", "10.0.0.2"))
print(wlan.ifconfig(), wlan.ipconfig("dhcp4"), wlan.ipconfig("addr4"))
wlan.ipconfig(dhcp4=True)
print(wlan.ifconfig()[0], wlan.ipconfig("dhcp4"))
"""
    assert board.run(program) == [
        "('10.0.0.5', '255.255.255.0', '10.0.0.1', '10.0.0.2') False ('10.0.0.5', '255.255.255.0')",
        "0.0.0.0 True",
    ]


@pytest.mark.parametrize("chip", ["esp32", "esp8266"])
def test_radio_is_switched_on_as_the_settings_say_and_opens_no_access_point(tmp_path, chip):
    board = BoardProcess(tmp_path, board=chip)
    program = """
import asyncio, network
from collections import namedtuple
from mote.wifi import Wifi
access_point = network.WLAN(network.AP_IF)
print(access_point.active())
Spec = namedtuple("Spec", "ssid more pick hostname country pm address")
made = Wifi(Spec("home", None, None, None, "DE", "none", None), [b"correct horse"], "kitchen", 60000)
made.switch_on()
made.switch_on()
wlan = network.WLAN()
print(access_point.active(), network.hostname(), network.country(), wlan.config("pm") == wlan.PM_NONE)
asyncio.run(made.join(2000))
print(made.connected(), made.joins)
"""
    said = board.run(program)
    assert said[0] == str(chip == "esp8266"), "its firmware opens one by itself"
    assert said[1] == "False kitchen DE True"
    assert said[-1] == "True 1"


WAYS = """
import asyncio
from collections import namedtuple
from mote.wifi import Wifi, WifiError
Spec = namedtuple("Spec", "ssid more pick hostname country pm address")
def join(pick, *known):
    spec = Spec(known[0][0], [each[0] for each in known[1:]], pick, None, None, None, None)
    made = Wifi(spec, [each[1] for each in known], "kitchen", 60000)
    try:
        asyncio.run(made.join(2000))
    except WifiError as error:
        print(error)
    made._wlan.disconnect()
"""


@pytest.mark.parametrize("chip", ["esp32", "esp8266"])
def test_known_networks_are_tried_in_order_or_strongest_first_and_each_failure_is_named(tmp_path, chip):
    board = BoardProcess(tmp_path, board=chip, wifi=AIR)
    known = '("far", b"one"), ("near", b"two")'
    said = board.run(WAYS + f"join('order', {known})\njoin('strongest', {known})\njoin(None, {known})\n")
    assert [line.split("joined ")[1] for line in said] == ["far, time 1", "near, time 1", "far, time 1"]
    said = board.run(WAYS + "join('strongest', ('gone', b'x'), ('near', b'wrong'), ('far', None), ('far', b'one'))\n")
    assert [line.split("joined ")[1] for line in said] == ["far, time 1"], "whatever is not heard comes last"
    said = board.run(WAYS + "join('order', ('gone', b'x'), ('near', b'wrong'))\n")
    assert said == ["not joined: gone: not found; near: wrong passphrase"]


def test_an_access_point_that_goes_away_is_a_beacon_timeout_and_then_not_found(tmp_path):
    board = BoardProcess(tmp_path, faults=True)
    (tmp_path / "flash" / "faults.json").write_text("{}")
    (tmp_path / "faults.json").hardlink_to(tmp_path / "flash" / "faults.json")
    program = """
import network, time
wlan = network.WLAN()
wlan.active(True)
wlan.config(reconnects=1)
wlan.connect("home", "correct horse")
time.sleep_ms(400)
print(wlan.isconnected())
for text in ('{"wifi": "gone"}', "{}"):
    with open("/faults.json", "w") as file:
        file.write(text)
    print(wlan.isconnected(), wlan.status() == network.STAT_CONNECTING)
    time.sleep_ms(400)
    print(wlan.isconnected(), wlan.status() == (network.STAT_NO_AP_FOUND))
    wlan.connect()
    time.sleep_ms(400)
print(wlan.isconnected())
"""
    assert board.run(program) == ["True", "False True", "False True", "True False", "True False", "True"]


def test_the_time_server_is_there_once_the_network_is(board):
    program = """
import network, ntptime, time
try:
    ntptime.settime()
except OSError as error:
    print(error.errno)
wlan = network.WLAN()
wlan.active(True)
wlan.connect("home", "correct horse")
time.sleep_ms(400)
ntptime.settime()
print(time.time() + 946684800)
"""
    refused, now = board.run(program)
    assert refused == "-202"
    assert abs(int(now) - time.time()) < 5


def test_the_worlds_time_can_be_another_than_the_hosts(tmp_path):
    board = BoardProcess(tmp_path, time_offset_s=-86400)
    program = (
        "import network, ntptime, time\nw = network.WLAN()\nw.active(True)\nw.connect('home', 'correct horse')\n"
        "time.sleep_ms(400)\nprint(ntptime.time() + 946684800)\n"
    )
    assert abs(int(board.run(program)[0]) - (time.time() - 86400)) < 5


def test_nvs_keeps_what_it_is_given_and_says_what_it_lacks(board):
    program = """
from esp32 import NVS
nvs = NVS("ironmote")
def attempt(function, *arguments):
    try:
        print(function(*arguments))
    except OSError as error:
        print(error.args)
buffer = bytearray(4)
attempt(nvs.get_blob, "root", buffer)
nvs.set_blob("root", b"abcd")
nvs.set_i32("count", -2147483648)
nvs.commit()
attempt(nvs.get_blob, "root", buffer)
attempt(nvs.get_blob, "root", bytearray(3))
attempt(nvs.get_i32, "count")
attempt(nvs.get_i32, "root")
attempt(NVS("other").get_i32, "count")
attempt(nvs.erase_key, "absent")
nvs.erase_key("count")
attempt(nvs.get_i32, "count")
attempt(nvs.set_i32, "sixteen-letters.", 1)
"""
    missing = "(-4354, 'ESP_ERR_NVS_NOT_FOUND')"
    assert board.run(program) == [
        missing,
        "4",
        "(-4364, 'ESP_ERR_NVS_INVALID_LENGTH')",
        "-2147483648",
        "(-4355, 'ESP_ERR_NVS_TYPE_MISMATCH')",
        missing,
        missing,
        missing,
        "(-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')",
    ]
    assert (board.folder / "nvs" / "ironmote" / "root.blob").read_bytes() == b"abcd"


def test_the_esp8266_has_a_tls_that_verifies_nobody_and_no_nvs(tmp_path):
    board = BoardProcess(tmp_path, board="esp8266", unique_id="a1b2c3d4")
    program = """
import ssl, tls
print(hasattr(ssl, "CERT_REQUIRED"), [hasattr(tls.SSLContext, name) for name in ("load_verify_locations", "psk_key")])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = 2
print(context.verify_mode == ssl.CERT_NONE)
for name in ("esp32", "_thread"):
    try:
        __import__(name)
    except ImportError as error:
        print(error)
"""
    assert board.run(program) == [
        "False [False, False]",
        "True",
        "no module named 'esp32'",
        "no module named '_thread'",
    ]


def test_a_hidden_module_cannot_be_imported(tmp_path):
    board = BoardProcess(tmp_path, hide=["ssl"])
    program = "try:\n    import ssl\nexcept ImportError as error:\n    print(error)\nimport socket\nprint('socket')\n"
    assert board.run(program) == ["no module named 'ssl'", "socket"]


def test_a_file_is_renamed_in_place_of_another(board):
    program = """
import os
for text in ("one", "two"):
    with open("/state.part", "w") as file:
        file.write(text)
    os.rename("/state.part", "/state")
os.chdir("/lib")
os.rename("/state", "/lib/state")
print(open("/lib/state").read(), os.getcwd(), "mote" in os.listdir())
"""
    assert board.run(program) == ["two /lib True"]


@pytest.mark.parametrize("chip", ["esp32", "esp8266"])
def test_a_timer_calls_back_until_it_is_stopped(tmp_path, chip):
    board = BoardProcess(tmp_path, board=chip)
    program = """
import machine, time
beats = []
timer = machine.Timer(0)
timer.init(period=10, mode=machine.Timer.PERIODIC, callback=lambda t: beats.append(1))
for _ in range(30):
    time.sleep_ms(5)
timer.deinit()
time.sleep_ms(20)
count = len(beats)
time.sleep_ms(40)
print(5 < count < 20, len(beats) == count)
"""
    assert board.run(program) == ["True True"]
