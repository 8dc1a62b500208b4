"""Every command of ironmote, on a fleet of its own: as it goes well, and as it goes wrong.

    python every_verb.py FOLDER [--all]

In FOLDER are afterwards: `said/`, what each command printed, logged and would have shown of its error; `secrets.json`,
every secret that there was, by its kind; and all that the commands have made. It is a program, so that what it does
can be watched from outside.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import fleets
from cable_bench import plugged
from esp32_mock_bootloader import mock_bootloader
from ironmote import cli
from ironmote.brokers import process
from ironmote.errors import IronmoteError
from ironmote.fleet_folder import Folder
from mote import settings as device_settings
from secret_forms import of_root, secrets_of

WIFI = "swordfish under the sea"
EXPORTED = "violet anvils sing at noon"
ACCOUNT = "nine quiet otters in a boat"
SENSOR = '[[sensor]]\nkind = "sht4x"\naddress = 0x44\nnames = { temperature = "air" }\n'
RELAY = '[[actuator]]\nkind = "relay"\nname = "heater"\npin = 14\nsafe = 0\n'
READY_S = 180.0
LOOK_S = 2.0  # for a command that is not known here


class Tour:
    """Commands one after another, on the fleet in `root`/g."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "g"
        self.said = root / "said"
        self.ran: set[str] = set()
        self._secrets: set[tuple[str, bytes]] = {
            ("passphrase", each.encode()) for each in (fleets.PASSPHRASE, EXPORTED, ACCOUNT)
        }
        self._count = 0
        self.said.mkdir()
        given = root / "given"
        given.mkdir(mode=0o700)
        self.passphrase = fleets.private(given / "passphrase", fleets.PASSPHRASE + "\n")
        self.wifi = fleets.private(given / "wifi", WIFI + "\n")
        self.account = fleets.private(given / "account", ACCOUNT + "\n")
        self.exported = fleets.private(given / "exported", EXPORTED + "\n")
        logging.basicConfig(filename=self.said / "log.txt", level=logging.DEBUG)
        logging.getLogger("littlefs.context").addFilter(lambda record: not record.getMessage().startswith("LFS Read"))

    def run(self, *words: object, fails: bool = False, typed: str | None = None, cwd: Path | None = None) -> str:
        """Run a command; what it printed. It has to end well, or to fail, as is said."""
        self.ran.add(str(words[0]))
        chains: list[str] = []

        def complain(text: str) -> None:
            chains.append(traceback.format_exc())  # as it would be seen where nobody had caught it
            shown(text)

        shown = cli._complain
        variables = {} if typed is not None else {"IRONMOTE_PASSPHRASE_FILE": str(self.passphrase)}
        # What is printed here has no file of its own, which an error of the system would have closed.
        with mock.patch.object(cli, "_complain", complain), mock.patch.object(cli, "_drop_output"):
            done = fleets.ironmote(*words, cwd=cwd or self.site, typed=typed, **variables)
        self._count += 1
        text = "\n".join((done.out, done.errors, *chains))
        (self.said / f"{self._count:03} {words[0]}.txt").write_text(text)
        assert (done.status != 0) == fails, (words, done)
        with contextlib.suppress(IronmoteError):
            self.note(self.site)
        return done.out

    def note(self, site: Path) -> None:
        """Remember the secrets that the fleet in `site` has now."""
        with Folder.open(site).unlock(fleets.passphrase) as held:
            self._secrets.update(secrets_of(held))

    def note_boards(self, folder: Path) -> None:
        """Remember the secrets on simulated boards below `folder`, whose fleet is in no folder."""
        for path in folder.rglob("settings.cbor"):
            fleet = device_settings.decode(path.read_bytes())["fleet"]
            board = path.parent.parent
            for name in ("nvs/ironmote/{}.blob", "flash/secrets/{}"):
                root, wifi = (board / name.format(each) for each in ("root", "wifi"))
                if wifi.exists():
                    self._secrets.add(("wifi", wifi.read_bytes()))
                    if any(root.read_bytes()):  # a board that does not seal has none
                        self._secrets.update(of_root(root.read_bytes(), fleet))

    @contextlib.contextmanager
    def started(self, *words: str, until: str = "", status: int | None = 130, ends: bool = False) -> Iterator[Path]:
        """A command in a process of its own, until the end of the block; gives the file of what it prints.

        It is interrupted then, unless it `ends` by itself.
        """
        self.ran.add(words[0])
        self._count += 1
        path = self.said / f"{self._count:03} {' '.join(words).replace('/', '_')}.txt"
        with path.open("wb") as output:
            running = subprocess.Popen(
                [sys.executable, "-m", "ironmote", *words], cwd=self.site, stdout=output, stderr=output,
                env=os.environ | {"IRONMOTE_PASSPHRASE_FILE": str(self.passphrase)}, start_new_session=True,
            )  # fmt: skip
        try:
            deadline = time.monotonic() + READY_S
            while until not in path.read_text(errors="replace"):
                assert running.poll() is None, path.read_text()
                assert time.monotonic() < deadline, path.read_text()
                time.sleep(0.05)
            yield path
        finally:
            if not ends:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.pid, signal.SIGINT)
            ended = running.wait(READY_S)
        assert status in (None, ended), (words, ended, path.read_text())

    def ends(self) -> None:
        """Write down what there was to keep secret."""
        found = sorted((kind, secret.hex()) for kind, secret in self._secrets)
        (self.root / "secrets.json").write_text(json.dumps(found))


def makes_a_fleet(tour: Tour) -> None:
    first = tour.root / "first"
    tour.run("init", first, "--broker", "127.0.0.1", "--wifi", "home", cwd=tour.root)
    tour.note(first)
    tour.run("init", first, cwd=tour.root, fails=True)
    fleets.make(tour.site)
    tour.run("add", "kitchen", "--board", "esp32")
    tour.run("add", "cellar", "--board", "esp8266")
    for name in ("kitchen", "cellar"):
        with (tour.site / f"motes/{name}.toml").open("a") as file:
            file.write(f'log = "debug"\nsample_ms = 1000\n{SENSOR}{RELAY}')
    text = (tour.site / "fleet.toml").read_text().replace("192.168.1.2", "127.0.0.1")
    ports = [process.choose_port() for _ in range(2)]
    process._release(ports)
    for old, new in (
        ("port = 8883", f"port = {ports[0]}"), ("port = 1883", f"port = {ports[1]}"), ("token", "static"),
        ('# ssid = "home"', 'ssid = "home"'), ('# dashboard = "monitor"', 'dashboard = "monitor"'),
    ):  # fmt: skip
        text = text.replace(old, new, 1)
    (tour.site / "fleet.toml").write_text(text)
    tour.run("provision", "kitchen", "--port", "/dev/null", fails=True)  # its network has no passphrase yet
    tour.run("wifi", "home", WIFI, fails=True)
    tour.run("wifi", "home", f"--wifi-passphrase={WIFI}", fails=True)
    tour.run("wifi", "home", "--passphrase-fd", fleets.PASSPHRASE, fails=True)
    tour.run("wifi", "home", "--wifi-passphrase-file", tour.wifi)


def looks(tour: Tour) -> None:
    for words in (("check", "motes/kitchen.toml"), ("list",), ("show",), ("show", "kitchen"), ("roles",)):
        tour.run(*words)
        tour.run(*words, "--json")
    sleeper = tour.root / "sleeper.toml"
    sleeper.write_text(f'board = "esp8266"\nsleep_ms = 60000\n{SENSOR}')
    tour.run("power", sleeper)
    tour.run("audit", fails=True)  # something is never met
    tour.run("audit", "--json", fails=True)


def serves(tour: Tour) -> None:
    tour.run("broker", "run", fails=True)
    tour.run("broker", "write", "mosquitto", "--bind", "127.0.0.1")
    tour.run("listen", fails=True)  # there is no gateway yet
    with tour.started("broker", "run", until="Ctrl-C"), tour.started("gateway", "--json", until="motes"):
        with tour.started("simulate", "kitchen", "--serial", until="/dev/") as path:
            port = path.read_text().split()[-1]
            tour.run("provision", "kitchen", "--port", port, typed="another passphrase", fails=True)
            tour.run("provision", "kitchen", "--port", port)
            tour.run("doctor", "--port", port)
            tour.run("monitor", "--port", port, "--until", "connected")
            tour.run("listen", "--for", "2", "--json")
            tour.run("send", "kitchen", "heater", "on")
            tour.run("simulate", "kitchen", fails=True)
        tour.run("simulate", "cellar", "--for", "1")
        with tour.started("simulate", "cellar", until="connected, session"):
            tour.run("rotate", "cellar", "--within", READY_S)  # over the air
            tour.run("rotate", "cellar", "--heard", "9", fails=True)
        tour.run("certificate", "dashboard", "--to", tour.root / "dashboard")
        tour.run("certificate", "dashboard", "--to", tour.site / "dashboard", fails=True)
        tour.run("broker", "reload")
        tour.run("rotate", "cellar", "--cable", "--json")
        tour.run("revoke", "kitchen", "--yes")
        tour.run("certificate", "dashboard", "--revoke")
        tour.run("harden", "--plan", "kitchen")
        shows_a_page(tour)
        others(tour)


def shows_a_page(tour: Tour) -> None:
    port = process.choose_port()
    process._release([port])
    tour.run("dashboard", "--certify", "--name", "house.lan")
    tour.run("dashboard", "--add-user", "ana", "--role", "controller", "--account-passphrase-file", tour.account)
    with tour.started("dashboard", "--port", str(port), until="https://"):
        pass


def others(tour: Tour) -> None:
    """What is not known here yet, with nothing said, beside the broker that runs: until it ends, or for a time."""
    for name in {command.name for command in cli.COMMANDS} - KNOWN:
        with tour.started(name, status=None):
            time.sleep(LOOK_S)


def travels(tour: Tour) -> None:
    tour.run("export", tour.root / "g.fleet", "--export-passphrase-file", tour.exported)
    tour.run("export", tour.root / "g.fleet", "--export-passphrase-file", tour.exported, fails=True)
    words = ("import", tour.root / "g.fleet", tour.root / "again")
    tour.run(*words, "--export-passphrase-file", tour.passphrase, cwd=tour.root, fails=True)
    tour.run(*words, "--export-passphrase-file", tour.exported, cwd=tour.root)
    tour.note(tour.root / "again")


def plugs_many_in(tour: Tour) -> None:
    beds = tour.root / "beds.csv"
    beds.write_text("id,board,file\nbed-1,esp32,bed.toml\n")
    (tour.root / "bed.toml").write_text(f'board = "esp32"\nchannel = "sealed"\n[wifi]\nssid = "home"\n{SENSOR}')
    (tour.root / "boards").mkdir(mode=0o700)
    with plugged(tour.root / "boards/cut", "esp32") as cut:
        # The cable comes off while secrets go over it.
        found = tour.root / "boards/cut/nvs/ironmote"
        puller = threading.Thread(target=lambda: (wait(found.exists), cut.pull()))
        puller.start()
        tour.run("bulk", beds, "--port", cut.port, fails=True)
        puller.join()
    with plugged(tour.root / "boards/whole", "esp32") as whole:
        tour.run("bulk", beds, "--port", whole.port, "--json")


def wait(enough) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + READY_S
    while not enough() and time.monotonic() < deadline:
        time.sleep(0.005)


def writes_flash(tour: Tour) -> None:
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000) + bytes([0xEE, 0, 0, 0]) + bytes(2)
    table = struct.pack("<2sBBII16sI", b"\xaa\x50", 1, 2, 0x9000, 0x6000, b"nvs", 0)
    file = tour.root / "FIRMWARE.bin"
    file.write_bytes(head.ljust(0x7000, b"\0") + table.ljust(0xC00, b"\xff"))
    tour.run("flash", file, "--board", "esp32", fails=True)
    tour.run("flash", file, "--board", "esp32", "--pin")
    tour.run("image", "bed-1", file, tour.root / "public.bin")
    tour.run("image", "bed-1", file, tour.root / "secret.bin", "--secrets")
    tour.run("image", "bed-1", file, tour.root, fails=True)
    with mock_bootloader(chip="esp32") as chip:
        tour.run("flash", tour.root / "FIRMWARE.bin", "--board", "esp32", "--port", chip.url())


def goes_wrong(tour: Tour) -> None:
    tour.run("remove", "kitchen", "--yes")
    (tour.site / "fleet.toml").rename(tour.site / "kept.toml")
    tour.run("list", fails=True)
    (tour.site / "fleet.toml").write_text((tour.site / "kept.toml").read_text() + "\nbrokr = [\n")
    tour.run("add", "x", "--board", "esp32", fails=True)
    (tour.site / "kept.toml").replace(tour.site / "fleet.toml")
    store = tour.site / "keys/store"
    whole = store.read_bytes()
    for damaged in (whole[:-1], whole[:200], b"", b"{}\n" + whole):
        store.write_bytes(damaged)
        tour.run("audit", fails=True)
    store.write_bytes(whole)


def serves_with_nats(tour: Tour) -> None:
    ports = [process.choose_port() for _ in range(2)]
    process._release(ports)
    tour.run("broker", "write", "nats", "--bind", "127.0.0.1", "--inlet", ports[0], "--inner", ports[1])
    with tour.started("broker", "run", until="Ctrl-C"):
        tour.run("rotate", "cellar", "--cable")
        tour.run("broker", "reload")
        tour.run("broker", "check")
    tour.run("authenticator", tour.site / "none.toml", fails=True)


def shows(tour: Tour) -> None:
    kept = tour.root / "kept"
    with tour.started("demo", "--for", "1", "--verbose", "--keep", str(kept), status=None, ends=True):
        pass
    tour.note_boards(kept)


KNOWN = {
    "add", "audit", "authenticator", "broker", "bulk", "certificate", "check", "dashboard", "demo", "doctor", "export",
    "flash", "gateway", "harden", "image", "import", "init", "list", "listen", "monitor", "power", "provision",
    "remove", "revoke", "roles", "rotate", "send", "show", "simulate", "wifi",
}  # fmt: skip
PARTS = (makes_a_fleet, looks, serves, travels, plugs_many_in, writes_flash, goes_wrong)
LONG = (serves_with_nats, shows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="NATS, broker check and the demo, too")
    arguments = parser.parse_args()
    tour = Tour(arguments.folder.resolve())
    os.umask(0)  # nothing is private by luck
    for part in (*PARTS, *(LONG if arguments.all else ())):
        begun = time.monotonic()
        part(tour)
        print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
    assert {command.name for command in cli.COMMANDS} - tour.ran <= (
        set() if arguments.all else {"demo", "authenticator"}
    )
    tour.ends()


if __name__ == "__main__":
    main()
