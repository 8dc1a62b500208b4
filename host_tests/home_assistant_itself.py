"""Home Assistant itself, with its MQTT integration and nothing else: run by its own interpreter, driven line by line.

    python home_assistant_itself.py FOLDER < {"broker": …, "port": …, "own_port": …, "ca": PEM, "cert": PEM, "key": PEM}

Each line of stdin after the first is a command, and each has a line of JSON as its answer: {"states": true}, a service
such as {"service": "light.turn_on", "entity": …, "data": …}, or {"template": …, "value": …} of a command.
"""

import asyncio
import json
import logging
import sys

from homeassistant import auth, bootstrap, config_entries, core, loader
from homeassistant.components.mqtt.models import MqttCommandTemplate
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component


class Complaints(logging.Handler):
    """What Home Assistant warns of."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(f"{record.name}: {self.format(record)}")


async def begin(folder, login):
    hass = core.HomeAssistant(folder)
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(
        hass, "http", {"http": {"server_host": "127.0.0.1", "server_port": login["own_port"]}}
    )
    entry = config_entries.ConfigEntry(
        version=1,
        minor_version=1,
        domain="mqtt",
        title="fleet",
        source="user",
        data={
            "broker": login["broker"],
            "port": login["port"],
            "certificate": login["ca"],
            "client_cert": login["cert"],
            "client_key": login["key"],
            "discovery": True,
        },
    )
    await hass.config_entries.async_add(entry)
    await hass.async_start()
    return hass, entry


async def main():
    folder = sys.argv[1]
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    hass, entry = await begin(folder, json.loads(await reader.readline()))
    print(json.dumps({"entry": str(entry.state), "complaints": complaints.texts}), flush=True)
    while line := await reader.readline():
        wanted = json.loads(line)
        if "template" in wanted:
            made = MqttCommandTemplate(Template(wanted["template"], hass), hass=hass)
            print(json.dumps({"rendered": made.async_render(wanted["value"])}), flush=True)
            continue
        if "service" in wanted:
            domain, service = wanted["service"].split(".")
            data = {"entity_id": wanted["entity"], **wanted.get("data", {})}
            await hass.services.async_call(domain, service, data, blocking=True)
        await hass.async_block_till_done()
        states = {
            state.entity_id: {"state": state.state, **{k: str(v) for k, v in state.attributes.items()}}
            for state in hass.states.async_all()
        }
        print(json.dumps({"states": states, "complaints": complaints.texts}), flush=True)
    await hass.async_stop(force=True)


asyncio.run(main())
