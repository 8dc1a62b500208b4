"""A flash that cannot be written when power comes on: nothing is sent, and nobody has to come with a cable."""

import pytest
from channel_motes import ChannelMote, add
from hostile import Listener
from hostile_broker import plays
from ironmote.certificates import Authority
from ironmote.fleet import Fleet

WITHIN_S = 60.0


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_full_flash_at_power_on_sends_nothing_and_is_tried_again(tmp_path, board):
    fleet = Fleet.create()
    mote = add(fleet, "cellar", "sealed", board)
    seen = []

    def script(session, number):
        seen.extend(session.uplinks())

    listener = Listener(plays(script))
    made = ChannelMote(fleet, mote, Authority.create(), listener.port, tmp_path / "board")
    made.put('{"flash": "full"}')
    made.board.start()
    try:
        assert made.waits(lambda: made.said("could not be saved") > 0, WITHIN_S), made.lines
        assert made.said("error mote: not started: the boot counter could not be saved; nothing is sent") == 1
        assert made.said("Traceback") == 0, "one line says it"
        assert made.dialled() == []
        assert listener.links == []
        made.put("{}")
        assert made.waits(lambda: made.said("connected, session 1") > 0, WITHIN_S), made.lines
        assert made.board.alive
        assert made.board.restarts >= 1
    finally:
        made.board.stop()
        listener.close()
