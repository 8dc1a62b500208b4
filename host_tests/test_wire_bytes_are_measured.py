"""The benchmark that docs/MEASUREMENTS.md cites runs: a real session of every channel, counted."""

import importlib.util
from pathlib import Path

from mote.channel import CHANNELS

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "wire_bytes.py"


def test_session_of_every_channel_is_counted():
    spec = importlib.util.spec_from_file_location("wire_bytes", BENCHMARK)
    wire_bytes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wire_bytes)
    found = wire_bytes.measure((1,))
    assert list(found) == list(CHANNELS)
    assert all(0 < sizes[0] < sizes[1] for sizes in found.values())
    assert found["sealed"][1] < found["tls"][0], "the smallest handshake with certificates is longer than a session"
