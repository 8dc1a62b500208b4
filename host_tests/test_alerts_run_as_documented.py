"""ironmote alerts beside a gateway that runs, and without one: an attack is seen, told, acted upon and acknowledged."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import fleets
from folder_brokers import make, running
from gateway_motes import SealingMote
from ironmote.fleet_folder import Folder
from paho.mqtt import client as mqtt
from test_gateway_of_a_folder import WAIT_S, gateway, ironmote, mote

RULES = """
[[alert_rule]]
kinds = ["clone"]
do = ["quarantine"]
"""


def alerts(site, *words) -> dict[str, dict]:
    """`ironmote alerts --json`, by kind."""
    done = ironmote(site, "alerts", "--json", *words)
    assert done.status == 0, done
    return {line["kind"]: line for line in json.loads(done.out)}


def until(site, kind: str, *words) -> dict:
    """The alert of that kind, once there is one."""
    end = time.monotonic() + WAIT_S
    while kind not in (found := alerts(site, *words)):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found[kind]


def stranger(site) -> None:
    """Somebody who connects as cellar and knows no password."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="cellar")
    client.username_pw_set("cellar", "a guess")
    with contextlib.suppress(OSError):
        client.connect("127.0.0.1", site.ports[1])
        for _ in range(20):
            client.loop(0.1)


def test_attacks_are_seen_told_acted_upon_and_acknowledged(tmp_path):
    site = make(tmp_path / "fleet", "nats")
    none = ironmote(site, "alerts")
    assert (none.status, none.errors) == (1, "ironmote: no gateway has run here yet; ironmote gateway starts it\n")
    (site.root / "gateway").mkdir(mode=0o700, exist_ok=True)
    (site.root / "gateway" / "gateway.toml").write_text(RULES)
    with running(site), gateway(site) as told:
        told.connects()
        assert ironmote(site, "alerts").out == "no alerts\n"
        follow = subprocess.Popen(
            [sys.executable, "-m", "ironmote", "alerts", "--follow", "--json"],
            cwd=site.root,
            stdout=subprocess.PIPE,
            text=True,
        )
        cellar = mote(site, "cellar")
        message = cellar.mote.up()
        for _ in range(2):
            cellar.publish("up", message)
        line = until(site, "replay")
        assert (line["mote"], line["severity"], line["over"]) == ("cellar", "warning", None)
        table = ironmote(site, "alerts").out
        assert "replay" in table
        assert "find who can publish at this broker" in table

        with Folder.open(site.root).unlock(fleets.passphrase) as held:
            double = SealingMote(held.fleet, "cellar")
        cellar.publish("up", double.up())
        assert until(site, "clone")["severity"] == "critical"
        told.hears(event="alert", kind="clone")
        end = time.monotonic() + WAIT_S
        while "quarantine" not in until(site, "clone")["done"]:
            assert time.monotonic() < end
        sent = ironmote(site, "send", "cellar", "fan", "on")
        assert (sent.status, "in quarantine" in sent.errors) == (1, True)
        assert ironmote(site, "alerts", "--release", "cellar").status == 0
        assert ironmote(site, "alerts", "--release", "cellar").status == 1

        stranger(site)
        assert until(site, "authentication")["mote"] == "cellar"
        followed = json.loads(follow.stdout.readline())
        assert (followed["event"], followed["kind"]) == ("alert", "replay")
        os.kill(follow.pid, signal.SIGINT)
        assert follow.wait(WAIT_S) == 130
        follow.stdout.close()
        assert ironmote(site, "alerts", "--acknowledge", line["id"]).status == 0
        assert alerts(site)["replay"]["acknowledged"] is not None
        cellar.close()

    kept = alerts(site)  # of the store, with no gateway
    assert {"replay", "clone", "authentication"} <= set(kept)
    done = ironmote(site, "alerts", "--acknowledge", kept["clone"]["id"])
    assert (done.status, "over" in done.out) == (0, True)
    assert "clone" not in alerts(site)
    assert alerts(site, "--since", "1h")["clone"]["over"] is not None
    nobody = ironmote(site, "alerts", "--acknowledge", "00000000")
    assert (nobody.status, nobody.errors) == (1, "ironmote: there is no alert 00000000; ironmote alerts lists them\n")
    alone = ironmote(site, "alerts", "--follow")
    assert (alone.status, alone.errors) == (1, "ironmote: no gateway runs here; ironmote gateway starts it\n")
