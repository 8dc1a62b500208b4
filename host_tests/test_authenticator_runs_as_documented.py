"""The examples of docs/OPERATIONS.md for `ironmote authenticator FILE.toml`, run as they are written there."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from clients import Client
from ironmote.authenticator import roster
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, Fleet
from mote import keys

DOCUMENT = Path(__file__).parent.parent / "docs" / "OPERATIONS.md"
SECTION = DOCUMENT.read_text(encoding="utf-8").split("## Letting sealed motes in")[1]
ASKED = re.compile(r"curl -d @asked\.json http://127\.0\.0\.1:8642(/\w+)")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)


@contextlib.contextmanager
def running(folder: Path, settings: str):
    """`ironmote authenticator site.toml --new` in `folder`; gives the line in which it says that it is ready."""
    (folder / "site.toml").write_text(settings)
    command = [sys.executable, "-m", "ironmote", "authenticator", "site.toml", "--new"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        yield process.stderr.readline()
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, str]:
    """The folder in which the example that makes a roster was run, and the token that it printed."""
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True)
    return tmp_path, done.stdout.strip()


def test_answers_over_http_are_those_of_the_document(site):
    folder, token = site
    settings = blocks("toml")[0]
    assert settings.count("port = 8642\n") == 1
    (console,) = blocks("console")
    lines = console.splitlines()
    assert lines[0] == "$ ironmote authenticator site.toml --new"
    # Only the port is another one: that of the document may be taken where this runs.
    with running(folder, settings.replace("port = 8642\n", "port = 0\n")) as ready:
        assert re.sub(r":\d+/", ":8642/", ready.strip()) == lines[1]
        connection = http.client.HTTPConnection("127.0.0.1", int(re.search(r":(\d+)/auth", ready)[1]), timeout=10)
        (body,) = re.findall(r"`(\{.+\})` in `asked\.json`", SECTION)
        answers = []
        for line in lines[2::2]:
            (path,) = ASKED.search(line).groups()
            sent = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d says
            connection.request("POST", path, body.replace("TOKEN", token), sent)
            answers.append(connection.getresponse().read().decode().strip())
        connection.close()
    assert answers == lines[3::2]
    assert [json.loads(each)["result"] for each in answers] == ["allow", "deny"]


def test_roster_has_the_form_that_the_document_shows(site):
    folder, _ = site
    found = json.loads((folder / "roster.json").read_text())
    found["motes"]["cellar"]["keys"] = ["<64 hex digits>"]
    assert f"`{json.dumps(found)}`" in SECTION
    assert (folder / "roster.json").stat().st_mode & 0o077 == 0


def test_table_for_nats_lets_a_mote_in(tmp_path: Path):
    fleet = Fleet.create()
    cellar = fleet.add("cellar", "esp8266")
    cellar.channel, cellar.zone = "sealed", CLEAR
    broker = NatsBroker(fleet, Authority.create(), tmp_path / "broker")
    broker.start()
    try:
        for process in broker.authenticators.processes:
            process.stop()
        # The document's table, with the values of this server where they are any server's own.
        written = (tmp_path / "broker" / "authenticator.toml").read_text()
        real = tomllib.loads(written)["nats"]
        table = blocks("toml")[1]
        shown = tomllib.loads(table)["nats"]
        assert {name for name in shown if shown[name] == real[name]} == {"account", "user", "system_user"}
        for name, value in real.items():
            table, count = re.subn(rf"(?m)^{name} = .*$", lambda _, n=name, v=value: f"{n} = {json.dumps(v)}", table)
            assert count == 1
        head = blocks("toml")[0].split("[http]")[0]
        site = tmp_path / "site"
        site.mkdir()
        roster.write(site / "roster.json", roster.of_fleet(fleet))
        token = keys.connect_password(cellar.connect_key(fleet.id), "cellar", CLEAR, keys.connect_counter(1, 1))
        client = Client("cellar", username="cellar", password=token)
        assert not client.connect(broker.clear.host, broker.clear.port), "nobody answers yet"
        with running(site, head + table) as ready:
            assert ready.strip() == "authenticator ready for clear: NATS"
            again = Client("cellar", username="cellar", password=token)
            assert again.connect(broker.clear.host, broker.clear.port)
            again.disconnect()
    finally:
        broker.stop()
