"""Fixtures that several files of tests share: a gateway at a real broker, and a stage for a mote beside one."""

import pytest
import real_brokers
from gateway_bench import running
from ironmote.brokers.nats import NatsBroker
from running import Stage
from stores import place, postgres

__all__ = ["bench", "nats", "place", "postgres", "stage"]


@pytest.fixture(**real_brokers.BOTH)
def bench(request, tmp_path):
    """A running gateway, once at NATS and once at Mosquitto."""
    real_brokers.require(request.param)
    with running(request.param, tmp_path) as bench:
        yield bench


@pytest.fixture
def nats(tmp_path):
    """A running gateway at NATS, for what does not depend on the broker."""
    with running(NatsBroker, tmp_path) as bench:
        yield bench


@pytest.fixture
def stage(tmp_path):
    """A broker, and what a test starts at it: gateway and motes; nothing of it runs on."""
    made = Stage(tmp_path)
    yield made
    made.close()


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no worker is left with one while the others have nothing."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
