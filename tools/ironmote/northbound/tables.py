"""The tables of gateway.toml that say to whom else the gateway tells what it knows.

[northbound]
json = false              # what was verified of sealed motes is not said on the trusted side; else it is

[home_assistant]          # announces every entity; its user in fleet.toml has the role home-assistant

[prometheus]              # http://127.0.0.1:9464/metrics
# host = "127.0.0.1"      # who reaches it there reads it: there is no sign-in
# port = 9464
"""

from collections.abc import Mapping
from typing import Any

from mote import schema

from .. import owner_check

NORTHBOUND, HOME_ASSISTANT, PROMETHEUS = "northbound", "home_assistant", "prometheus"
_HOST, _PORT = "127.0.0.1", 9464
_SERVER: dict[str, owner_check.Rule] = {
    "host": (schema.MAYBE, (schema.TEXT, 1, 253)),
    "port": (schema.MAYBE, (schema.INT, 0, 65_535)),
}
TABLES: dict[str, owner_check.Rule] = {
    NORTHBOUND: (schema.MAYBE, (schema.TABLE, None, {"json": (schema.MAYBE, (schema.FLAG,))})),
    HOME_ASSISTANT: (schema.MAYBE, (schema.TABLE, None, {})),
    PROMETHEUS: (schema.MAYBE, (schema.TABLE, None, _SERVER)),
}


def says_json(every: Mapping[str, Any]) -> bool:
    """True where what was verified of sealed motes is said on the trusted side, by `every` table of gateway.toml."""
    return (every.get(NORTHBOUND) or {}).get("json") is not False


def server(table: Mapping[str, Any]) -> tuple[str, int]:
    """Where metrics are served, by the table of that name."""
    port = table.get("port")
    return table.get("host") or _HOST, _PORT if port is None else port
