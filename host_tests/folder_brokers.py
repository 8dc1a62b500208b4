"""Brokers that the commands have written from a folder, and clients that come to them as its motes and users."""

import contextlib
import subprocess
import sys
import types

import clients
import fleets
from clients import Client
from ironmote.brokers import process
from ironmote.fleet_folder import Folder

ROLES = """
[roles.gardener]
publish = ["mote/pump/down", "garden/+/valve"]
subscribe = ["mote/pump/up", "garden/#"]
"""


def free_ports(count: int) -> list[int]:
    """Ports of nobody: given back just before the broker takes them."""
    ports = [process.choose_port() for _ in range(count)]
    process._release(ports)
    return ports


def make(root, kind: str) -> types.SimpleNamespace:
    """A fleet of two motes with TLS and two sealed ones, with users; its broker is written."""
    fleets.make(root, dict.fromkeys(("kitchen", "pantry", "cellar", "attic"), "esp32"))
    ports = free_ports(4)
    text = (root / "fleet.toml").read_text().replace("port = 8883", f"port = {ports[0]}")
    text = text.replace("port = 1883", f"port = {ports[1]}").replace('connect = "token"', 'connect = "static"')
    text = text.replace('# dashboard = "monitor"', 'dashboard = "monitor"\nana = "gardener"')
    (root / "fleet.toml").write_text(text + ROLES)
    for name, channel in (("kitchen", "tls"), ("pantry", "tls"), ("cellar", "sealed"), ("attic", "sealed")):
        join(root, name, channel)
    more = ["--websockets", ports[2]] if kind == "mosquitto" else ["--inlet", ports[2], "--inner", ports[3]]
    done = fleets.ironmote("broker", "write", kind, "--bind", "127.0.0.1", *more, cwd=root)
    assert done.status == 0, done.errors
    return types.SimpleNamespace(root=root, kind=kind, ports=ports, folder=root / "brokers" / kind)


def join(root, name: str, channel: str) -> None:
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.add(name, "esp32") if name not in held.fleet.motes else None
        held.fleet.motes[name].channel = channel
        held.save()


@contextlib.contextmanager
def running(site):
    """`ironmote broker run`, until the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "ironmote", "broker", "run"], cwd=site.root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert "runs:" in child.stdout.readline()
        yield
    finally:
        child.terminate()
        child.communicate(timeout=30)
    assert child.returncode == 130


def certificate(site, name: str) -> Client:
    """A client with the certificate of a mote or user."""
    with Folder.open(site.root).unlock(fleets.passphrase) as held:
        credential = held.certificates.get(name)
        held.save()
    return clients.with_certificate(credential, site.folder / "tls" / "ca.pem", site.root, name)


def sealed(site, name: str) -> Client:
    with Folder.open(site.root).unlock(fleets.passphrase) as held:
        password = held.fleet.motes[name].static_password(held.fleet.id)
    return Client(name, username=name, password=password)
