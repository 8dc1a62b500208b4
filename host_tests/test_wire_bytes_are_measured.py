"""The benchmark that docs/MEASUREMENTS.md cites runs: a real session of every channel, counted."""

import importlib.util
from pathlib import Path

from ironmote import wake_cost
from mote.channel import CHANNELS

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "wire_bytes.py"


def test_session_of_every_channel_is_counted():
    spec = importlib.util.spec_from_file_location("wire_bytes", BENCHMARK)
    wire_bytes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wire_bytes)
    found = wire_bytes.measure((1,))
    assert list(found) == list(CHANNELS)
    assert all(0 < sizes[0] < sizes[1] for sizes in found.values())
    for index, (way, sizes) in enumerate(found.items()):
        settings = {
            "mote": f"mote-{index}", "zone": "clear" if way == "sealed" else "home", "fleet": bytes(16),
            "generation": 1, "connect": "static", "sensors": [{"kind": "x", "names": {"temperature": "temperature"}}],
        }  # fmt: skip
        status = {"online": True, "boot": 1, "connection": 1, **wire_bytes.STATUS}
        for readings, size in sizes.items():
            wire = wake_cost.session(settings, way, readings, status)
            # What is computed takes leave, and counts higher: some ten bytes a message of a boot that lasts.
            assert size <= wire.up + wire.down <= size * 1.05 + 40, (way, readings, size, wire)
    assert found["sealed"][1] < found["tls"][0], "the smallest handshake with certificates is longer than a session"
