"""The brokers of tests. Mosquitto is the machine's own: where it is not installed, its tests are skipped."""

import pytest
from ironmote.brokers.mosquitto import MosquittoBroker, find_mosquitto
from ironmote.brokers.nats import NatsBroker
from ironmote.errors import MissingTool

BOTH = {"params": [NatsBroker, MosquittoBroker], "ids": ["nats", "mosquitto"]}  # of a fixture


def require_mosquitto() -> None:
    """Skip the test where there is no Mosquitto."""
    try:
        find_mosquitto()
    except MissingTool as error:
        pytest.skip(str(error))


def require(kind: type) -> None:
    """Skip the test where a broker of this kind is not here."""
    if kind is MosquittoBroker:
        require_mosquitto()
