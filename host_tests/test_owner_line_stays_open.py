"""The owner's line of a gateway: who follows a fleet that is quiet is told what comes after the silence."""

import queue
import time
import types

from ironmote.gateway import line_server
from ironmote.gateway.hub import Hub
from ironmote.gateway.line_server import LineServer
from ironmote.gateway.owner_line import OwnerLine


def test_follower_of_a_quiet_fleet_is_not_taken_for_a_slow_one(tmp_path, monkeypatch):
    monkeypatch.setattr(line_server, "_SLOW_S", 0.2)
    hub = Hub()
    heard = queue.SimpleQueue()
    with LineServer(types.SimpleNamespace(follow=hub.add), tmp_path / "line.sock"):
        end = OwnerLine(tmp_path / "line.sock").follow(heard.put)
        time.sleep(1.0)
        hub({"event": "late"})
        assert heard.get(timeout=30) == {"event": "late"}
        end()
