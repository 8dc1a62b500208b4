"""A fleet whose broker is a cluster of three, for tests: written by the commands, and run by them."""

import contextlib
import subprocess
import sys
from pathlib import Path

import fleets
from ironmote.brokers import process
from ironmote.errors import BrokerError
from ironmote.fleet_folder import Folder

HERE = "127.0.0.1"
NODES = 3


def make(root: Path) -> Path:
    """A fleet of kitchen, with TLS, and cellar, sealed, and of ana, who commands motes; its cluster is written."""
    fleets.make(root, {"kitchen": "esp32", "cellar": "esp32"})
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.fleet.motes["kitchen"].channel, held.fleet.motes["cellar"].channel = "tls", "sealed"
        held.save()
    first = _row(6 * NODES)
    text = (root / "fleet.toml").read_text().replace('# dashboard = "monitor"', 'ana = "controller"')
    for number, old in enumerate((8883, 1883)):
        ports = range(first + number * NODES, first + (number + 1) * NODES)
        hosts = ", ".join(f'{{ host = "{HERE}", port = {port} }}' for port in ports)
        text = text.replace(f'brokers = [{{ host = "192.168.1.2", port = {old} }}]', f"brokers = [{hosts}]")
    (root / "fleet.toml").write_text(text)
    more = ["--inlet", first + 2 * NODES, "--inner", first + 3 * NODES, "--route", first + 4 * NODES]
    done = fleets.ironmote("broker", "write", "nats", "--nodes", NODES, "--bind", HERE, *more, cwd=root)
    assert done.status == 0, done.errors
    return root


@contextlib.contextmanager
def running(root: Path):
    """`ironmote broker run`, until the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "broker", "run"], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        for _ in range(NODES):
            assert "runs:" in child.stdout.readline()
        yield
    finally:
        child.terminate()
        child.communicate(timeout=30)


def _row(count: int) -> int:
    """The first of so many ports in a row that nobody has: given back just before the brokers take them."""
    for _ in range(100):
        first = process.choose_port()
        held = [first]
        try:
            held += [process.choose_port(port) for port in range(first + 1, first + count)]
        except BrokerError:
            continue
        finally:
            process._release(held)
        return first
    raise AssertionError("no ports in a row are free")
