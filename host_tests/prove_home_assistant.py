"""Home Assistant itself finds every entity, shows what motes report, and commands them: make home-assistant.

Its own interpreter, whose packages are those of requirements-home-assistant.txt, is named by HOME_ASSISTANT_PYTHON. It
comes in as a user of the fleet with the role home-assistant; broker, gateway and seals are real.
"""

import contextlib
import json
import os
import subprocess
import time
from math import pi
from pathlib import Path

import pytest
import real_brokers
from gateway_motes import taken_port
from home_assistant_motes import READINGS, described
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.northbound import home_assistant
from ironmote.northbound.discovery import Discovery
from ironmote.northbound.home_assistant import Device
from mote import command
from mote.record import Reading
from trusted_side import TrustedSide, running, wait

SCRIPT = Path(__file__).with_name("home_assistant_itself.py")
# By Home Assistant's own ids of entities, which it makes of the names of device and entity.
EXPECTED = {
    "sensor.cellar_air": ("21.5", "°C", "temperature"),
    "sensor.cellar_air_max": ("22.5", "°C", "temperature"),
    "sensor.cellar_damp": ("40.5", "%", "humidity"),
    "sensor.cellar_baro": ("1013.00", "hPa", "atmospheric_pressure"),
    "sensor.cellar_bed_light_1": ("431", "lx", "illuminance"),
    "binary_sensor.cellar_air_high": ("on", None, "problem"),
    "binary_sensor.cellar_air_low": ("off", None, "problem"),
    "switch.cellar_heater": ("on", None, None),
    "switch.cellar_horn": ("off", None, None),
    "light.cellar_lamp": ("on", None, None),
    "light.cellar_sign": ("off", None, None),
    "number.cellar_flap": ("90.0", "°", None),
    "number.cellar_tune": ("440", "Hz", "frequency"),
    "binary_sensor.cellar_online": ("on", None, "connectivity"),
    "sensor.cellar_signal": ("-57", "dBm", "signal_strength"),
    "sensor.cellar_free_memory": ("30000", "B", "data_size"),
    "sensor.cellar_commands_refused": ("0", None, None),
    "sensor.cellar_records_dropped": ("0", None, None),
    "sensor.cellar_channel": ("sealed", None, None),
}
# Service and data, what the mote is told, what it reports then, and what is shown of that.
COMMANDS = (
    ("number.set_value", {"value": 45}, ("flap", 45), Reading("flap", "rad", pi / 4, None), "45.0"),
    ("light.turn_on", {}, ("sign", True), Reading("sign", None, True, None), "on"),
    ("light.turn_off", {}, ("lamp", 0), Reading("lamp", "/", 0, None), "off"),
    ("light.turn_on", {"brightness": 51}, ("lamp", 20), Reading("lamp", "/", 0.2, None), "on"),
)


PYTHON = os.environ.get("HOME_ASSISTANT_PYTHON")
pytestmark = pytest.mark.skipif(not PYTHON, reason="it has an environment of its own: make home-assistant")


class House:
    """A Home Assistant that runs, and what it says."""

    def __init__(self, side: TrustedSide, folder: Path) -> None:
        folder.mkdir()
        (folder / "configuration.yaml").touch()
        with taken_port() as free:
            own_port = free.getsockname()[1]
        files = {name: (side.certificates / file).read_text() for name, file in
                 (("ca", "ca.crt"), ("cert", "house.pem"), ("key", "house.key"))}  # fmt: skip
        self.process = subprocess.Popen(
            [PYTHON, str(SCRIPT), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        login = {"broker": side.door["host"], "port": side.door["port"], "own_port": own_port, **files}
        assert self._ask(login)["entry"] == "ConfigEntryState.LOADED"

    def _ask(self, wanted: dict) -> dict:
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "Home Assistant has ended"
        return json.loads(line)

    def states(self) -> dict[str, dict]:
        said = self._ask({"states": True})
        # It also misses packages of integrations that have nothing to do with this.
        ours = [each for each in said["complaints"] if "mqtt" in each.split(":")[0] or "cellar" in each]
        assert ours == []
        return {name: state for name, state in said["states"].items() if name.split(".")[1].startswith("cellar")}

    def call(self, service: str, entity: str, **data) -> None:
        self._ask({"service": service, "entity": entity, "data": data})

    def render(self, template: str, value: str) -> str:
        return self._ask({"template": template, "value": value})["rendered"]

    def close(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture
def side(tmp_path):
    real_brokers.require_mosquitto()
    with running(MosquittoBroker, tmp_path) as side:
        yield side


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def test_home_assistant_finds_shows_and_commands(side, tmp_path, stack):
    house = stack.enter_context(contextlib.closing(House(side, tmp_path / "house")))
    discovery = Discovery(
        side.fleet.id.hex(),
        {"cellar": described()},
        lambda topic, payload: side.gateway.publish(topic, payload, retain=True),
        tmp_path / "home_assistant.json",
    )
    discovery.announce()

    def on_event(event) -> None:
        discovery.event(event)
        discovery.flush()

    side.hub.add(on_event)
    cellar = side.sealed()
    cellar.publish("state", cellar.mote.state(free=30000, rssi=-57, refused=0, dropped=0, version="0.2.0"))
    cellar.publish("up", cellar.mote.up(READINGS))
    wait(lambda: house.states().keys() >= EXPECTED.keys())
    wait(lambda: house.states()["sensor.cellar_air"]["state"] == "21.5")
    found = house.states()
    told = {name: (state["state"], state.get("unit_of_measurement"), state.get("device_class"))
            for name, state in found.items()}  # fmt: skip
    assert told == EXPECTED
    assert found["light.cellar_lamp"]["brightness"] == "102"

    # What is asked for there reaches the mote, sealed; what is shown is what the mote then reports.
    for service, data, (name, value), reading, shows in COMMANDS:
        entity = f"{service.split('.')[0]}.cellar_{name}"
        house.call(service, entity, **data)
        order = side.answer(cellar)
        assert (order.name, order.value, order.deadline is not None) == (name, value, True)
        assert house.states()[entity]["state"] != shows
        cellar.publish("up", cellar.mote.up([reading]))
        wait(lambda entity=entity, shows=shows: house.states()[entity]["state"] == shows)
        assert house.states()["sensor.cellar_air"]["state"] == "21.5"  # a record without it changes nothing of it
    assert house.states()["light.cellar_lamp"]["brightness"] == "51"

    # The switches of this version know no template (2024.8 is the first): its templates themselves do know it.
    _, config = home_assistant.actuator(Device("ab" * 32, "cellar", "esp32"), "heater", {"kind": "relay"})
    for value in ("true", "false"):
        order = command.decode_command_json(house.render(config["command_template"], value).encode())
        assert (order.name, order.value) == ("heater", value == "true")
        assert 0 < order.deadline - time.time() < 30

    # One that starts knows what is on, though the mote says nothing.
    house.close()
    house = stack.enter_context(contextlib.closing(House(side, tmp_path / "later")))
    wait(lambda: EXPECTED.keys() == house.states().keys())
    wait(lambda: house.states()["switch.cellar_heater"]["state"] == "on")
    assert house.states()["light.cellar_lamp"]["brightness"] == "51"

    # It is gone: so are its entities' states, and, once it is removed, the entities.
    cellar.vanish()
    wait(lambda: house.states()["sensor.cellar_air"]["state"] == "unavailable")
    assert house.states()["binary_sensor.cellar_online"]["state"] == "off"
    discovery.announce({})
    wait(lambda: house.states() == {})
    assert side.refused() == []
