"""What the gateway announces to Home Assistant: every entity once, as it is, and those that are gone no more.

That Home Assistant takes it, host_tests/prove_home_assistant.py tries with Home Assistant itself: make home-assistant.
"""

import json
import re
from dataclasses import replace

import pytest
from home_assistant_motes import READINGS, described, seen
from ironmote.gateway.events import StateSeen
from ironmote.gateway.state import State
from ironmote.northbound.discovery import Discovery
from mote.record import Reading

# https://www.home-assistant.io/integrations/mqtt/#discovery-topic
TOPIC = re.compile(r"homeassistant/[a-z_]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/config")


class Broker:
    """What it retains."""

    def __init__(self):
        self.kept = {}
        self.said = 0

    def publish(self, topic, payload):
        self.said += 1
        self.kept[topic] = payload
        if not payload:
            del self.kept[topic]

    def configs(self):
        return {topic: json.loads(payload) for topic, payload in self.kept.items() if topic.endswith("/config")}

    def latest(self, mote):
        return json.loads(self.kept[f"homeassistant/ironmote/{mote}/latest"])


@pytest.fixture
def broker():
    return Broker()


def hear(discovery: Discovery, event) -> None:
    discovery.event(event)
    discovery.flush()


def start(broker, folder, **motes) -> Discovery:
    made = Discovery("ab" * 32, motes or {"cellar": described()}, broker.publish, folder / "home_assistant.json")
    made.announce()
    return made


def test_every_reading_and_actuator_is_an_entity_of_its_kind(broker, tmp_path):
    discovery = start(broker, tmp_path)
    hear(discovery, seen("cellar"))
    hear(discovery, seen("stranger"))
    configs = broker.configs()
    assert all(TOPIC.fullmatch(topic) for topic in configs)
    assert len({config["unique_id"] for config in configs.values()}) == len(configs)
    kinds = {config["name"]: topic.split("/")[1] for topic, config in configs.items()}
    assert kinds == {
        "air": "sensor", "damp": "sensor", "baro": "sensor", "bed/light.1": "sensor", "air max": "sensor",
        "air high": "binary_sensor", "air low": "binary_sensor",
        "heater": "switch", "horn": "switch", "lamp": "light", "sign": "light", "flap": "number", "tune": "number",
        "Online": "binary_sensor", "Signal": "sensor", "Free memory": "sensor", "Commands refused": "sensor",
        "Records dropped": "sensor", "Channel": "sensor",
    }  # fmt: skip
    named = {config["name"]: config for config in configs.values()}
    assert [named[name].get("device_class") for name in ("air", "damp", "baro", "bed/light.1", "air high")] == [
        "temperature", "humidity", "atmospheric_pressure", "illuminance", "problem"
    ]  # fmt: skip
    assert [named[name].get("unit_of_measurement") for name in ("air", "damp", "baro", "bed/light.1")] == [
        "°C", "%", "Pa", "lx"
    ]  # fmt: skip
    for config in configs.values():
        assert config["device"]["identifiers"] == ["ironmote-abababab-cellar"]
        assert config["state_topic"] in ("homeassistant/ironmote/cellar/latest", "mote/cellar/state")
        assert config.get("command_topic", "mote/cellar/down") == "mote/cellar/down"
        assert config.get("availability_topic") == (None if config["name"] == "Online" else "mote/cellar/state")


def test_nothing_is_said_twice_while_nothing_changes(broker, tmp_path):
    discovery = start(broker, tmp_path)
    hear(discovery, seen("cellar"))
    said = broker.said
    hear(discovery, seen("cellar"))
    assert broker.said == said + 1  # its last values
    hear(discovery, StateSeen("cellar", State(True, 1, 1, version="0.2.0")))
    assert all(config["device"]["sw_version"] == "0.2.0" for config in broker.configs().values())
    said = broker.said
    hear(discovery, StateSeen("cellar", State(True, 1, 2, version="0.2.0")))
    assert broker.said == said


def test_next_gateway_announces_what_was_heard_before(broker, tmp_path):
    hear(start(broker, tmp_path), seen("cellar"))
    before = broker.configs()
    broker.kept.clear()  # a broker that has forgotten
    start(broker, tmp_path)
    assert broker.configs() == before


def test_last_values_are_kept_and_no_late_record_takes_them_back(broker, tmp_path):
    discovery = start(broker, tmp_path)
    hear(discovery, replace(seen("cellar"), boot=2, number=7))
    hear(discovery, replace(seen("cellar", [Reading("heater", None, False, None)]), boot=2, number=8))
    hear(discovery, replace(seen("cellar", [Reading("heater", None, True, None)]), boot=2, number=6))
    hear(discovery, replace(seen("cellar", [Reading("heater", None, True, None), Reading("air:min", "Cel", 3, None)])))
    assert broker.latest("cellar")["heater"] is False
    assert broker.latest("cellar")["air:min"] == 3  # nothing newer is known of it
    broker.kept.clear()
    discovery = start(broker, tmp_path)
    assert broker.latest("cellar")["heater"] is False
    hear(discovery, replace(seen("cellar", [Reading("air", "Cel", 19.5, None)]), boot=2, number=9))
    assert (broker.latest("cellar")["air"], broker.latest("cellar")["heater"]) == (19.5, False)
    hear(discovery, replace(seen("cellar", [Reading("stranger", "Cel", 19.5, None)]), boot=2, number=10))
    assert "stranger" not in broker.latest("cellar")


def test_what_is_removed_or_named_anew_is_cleared(broker, tmp_path):
    discovery = start(broker, tmp_path, cellar=described(), attic=described())
    for mote in ("cellar", "attic"):
        hear(discovery, seen(mote))
    both = set(broker.kept)
    start(broker, tmp_path)  # attic was removed while no gateway ran
    assert set(broker.kept) == {topic for topic in both if "cellar/" in topic}
    assert len(broker.kept) * 2 == len(both)
    less = described()
    actuators = {name: settings for name, settings in less.actuators.items() if name != "lamp"}
    less = type(less)(less.board, less.names - {"damp"}, actuators)
    discovery = start(broker, tmp_path)
    discovery.announce({"cellar": less})
    names = {config["name"] for config in broker.configs().values()}
    assert not names & {"damp", "lamp"}
    assert {"air", "heater"} <= names
    hear(discovery, seen("cellar"))
    assert "damp" not in {config["name"] for config in broker.configs().values()}


def test_reading_that_becomes_a_text_is_another_entity(broker, tmp_path):
    discovery = start(broker, tmp_path)
    hear(discovery, seen("cellar", [Reading("air", None, True, None)]))
    assert [topic.split("/")[1] for topic, config in broker.configs().items() if config["name"] == "air"] == [
        "binary_sensor"
    ]
    hear(discovery, seen("cellar", READINGS[:1]))
    assert [topic.split("/")[1] for topic, config in broker.configs().items() if config["name"] == "air"] == ["sensor"]


def test_mote_that_is_another_each_second_fills_no_queue_while_the_broker_is_away(tmp_path):
    class Away:
        done = False

    said, away = [], Away()

    def publish(topic, payload):
        said.append((topic, payload))
        return away

    discovery = Discovery("ab" * 32, {"cellar": described()}, publish, tmp_path / "home_assistant.json")
    discovery.announce()
    values = (Reading("air", "Cel", 1.5, None), Reading("air", "K", 1.5, None), Reading("air", None, "hot", None))
    for nth in range(60):
        hear(discovery, seen("cellar", [values[nth % 3], Reading("damp", *(("%RH", 4), (None, True))[nth % 2], None)]))
        hear(discovery, StateSeen("cellar", State(True, 1, nth, version=f"0.{nth}")))
    assert len(said) == len({topic for topic, _ in said}), "one message of each topic is on its way"
    away.done = True
    discovery.flush()
    kept = dict(said)
    assert not discovery.waits
    assert b'"sw_version": "0.59"' in kept["homeassistant/sensor/ironmote-cellar/air/config"]
    assert kept["homeassistant/sensor/ironmote-cellar/damp/config"] == b""
    assert b"0.59" in kept["homeassistant/binary_sensor/ironmote-cellar/damp/config"]


def test_damaged_memory_is_made_anew(broker, tmp_path):
    (tmp_path / "home_assistant.json").write_text('{"topics": [')
    discovery = start(broker, tmp_path)
    hear(discovery, seen("cellar"))
    assert len(broker.kept) == 20
    assert len(json.loads((tmp_path / "home_assistant.json").read_text())["topics"]) == 20
