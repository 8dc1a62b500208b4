"""`ironmote demo --channel`: the boards that have room take it, the others what they can; or one line says why not."""

from pathlib import Path

import pytest
import real_brokers
from test_demo_runs import demo, of

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("channel", "broker"), [("tls+sealed", "nats"), ("tls-psk", "mosquitto"), ("tls-psk+sealed", "mosquitto")]
)
def test_channel_that_is_asked_for_is_the_esp32s(tmp_path: Path, channel: str, broker: str):
    if broker == "mosquitto":
        real_brokers.require_mosquitto()
    status, lines, errors = demo("--for", "8", "--channel", channel, "--broker", broker, tmp=tmp_path)
    assert status == 0, errors
    assert {(line["mote"], line["channel"]) for line in of(lines, "channel")} == {
        ("kitchen", channel),
        ("cellar", "sealed"),
    }
    assert {line["result"] for line in of(lines, "command")} == {"done"}
    assert (lines[-1]["refused"], lines[-1]["lost"]) == (0, 0)


def test_pre_shared_keys_on_nats_are_refused_in_one_line(tmp_path: Path):
    status, lines, errors = demo("--channel", "tls-psk", tmp=tmp_path)
    assert (status, lines) == (1, [])
    assert "NATS has no TLS with pre-shared keys; use Mosquitto" in errors
    assert errors.count("\n") == 1
