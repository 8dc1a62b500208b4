"""The audit: what it calls met is met, and what is spoilt in the folder it finds."""

import json

import fleets
import pytest
from ironmote.fleet_folder import Folder


@pytest.fixture
def root(tmp_path):
    """A fleet of two motes, provisioned as far as the folder can tell, with a broker's files."""
    root = tmp_path / "fleet"
    fleets.make(root, dict.fromkeys(("kitchen", "cellar"), "esp32"))
    with Folder.open(root).unlock(fleets.passphrase) as held:
        for name, channel in (("kitchen", "tls"), ("cellar", "sealed")):
            held.fleet.motes[name].channel = channel
            held.entry(name).provisioned_at = 1_790_000_000
        held.save()
    assert fleets.ironmote("broker", "write", "nats", cwd=root).status == 0
    return root


def states(root) -> dict[str, str]:
    done = fleets.ironmote("audit", "--json", cwd=root)
    assert done.status == 1, done.errors
    return {row["provision"]: row["state"] for row in json.loads(done.out)}


LACKING = {"5.2-1", "5.3-2", "5.4-1", "5.6-4", "5.7-1"}  # whatever the folder holds


def test_fleet_in_good_order_lacks_only_what_ironmote_does_not_do(root):
    found = states(root)
    assert {number for number, state in found.items() if state == "not met"} == LACKING
    assert {number.split("-")[0] for number in found} == {f"5.{number}" for number in range(1, 14)}
    (root / "SECURITY.md").write_text("Tell ana.")
    assert states(root)["5.2-1"] == "met"


def spoil_static(root):
    path = root / "fleet.toml"
    path.write_text(path.read_text().replace('connect = "token"', 'connect = "static"'))


def spoil_store(root):
    (root / "keys" / "store").chmod(0o644)


def spoil_ignored(root):
    (root / ".gitignore").write_text("")


def spoil_watchdog(root):
    path = root / "fleet.toml"
    path.write_text(path.read_text().replace("[defaults]", "[defaults]\nwatchdog_s = 0"))


def spoil_health(root):
    path = root / "fleet.toml"
    path.write_text(path.read_text().replace("[defaults]", "[defaults]\nhealth_s = 0"))


def spoil_revoked(root):
    with Folder.open(root).unlock(fleets.passphrase) as held:
        held.revoke("kitchen")
        held.save()


def spoil_new(root):
    fleets.ironmote("add", "shed", "--board", "esp32", cwd=root)


@pytest.mark.parametrize(
    ("spoil", "number"),
    [
        (spoil_static, "5.1-3"),
        (spoil_store, "5.5-8"),
        (spoil_ignored, "5.5-8"),
        (spoil_watchdog, "5.9-1"),
        (spoil_health, "5.10-1"),
        (spoil_revoked, "5.6-1"),
        (spoil_new, "5.12-1"),
    ],
)
def test_what_is_spoilt_is_not_met(root, spoil, number):
    spoil(root)
    assert states(root)[number] == "not met"


def test_a_removed_mote_leaves_nothing(root):
    assert fleets.ironmote("remove", "cellar", "--yes", cwd=root).status == 0
    assert states(root)["5.11-2"] == "met"
