"""One record is never acknowledged while all others are: it is sent again all the same, and holds back nobody."""

import struct

import pytest
from hostile_broker import CONNECT, PUBLISH, SUBSCRIBE, plays
from test_watchdog import WITHIN_S, Site


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


def test_record_whose_acknowledgement_is_forgotten_is_sent_again_while_others_are_acknowledged(site):
    forgotten, again, others = [], [], []

    def script(session, number):
        while True:
            kind, body = session.take()
            if kind == CONNECT:
                session.send(b"\x20\x02\0\0")
            elif kind == SUBSCRIBE:
                session.send(b"\x90\x03" + body[:2] + b"\x01")
            elif kind == PUBLISH:
                end = 2 + struct.unpack_from(">H", body)[0]
                packet_id, payload = body[end : end + 2], body[end + 2 :]
                if body[2:end].endswith(b"/up") and not forgotten:
                    forgotten.append((packet_id, payload))
                    continue
                if number == 1 and forgotten:
                    others.append(payload)
                if (packet_id, payload) in forgotten and number > 1:
                    again.append(number)
                session.send(b"\x40\x02" + packet_id)

    mote = site.mote(site.listens(plays(script)).port, sample_ms=200, timeout_ms=500, watchdog_s=0)
    mote.board.start()
    assert mote.waits(lambda: again, WITHIN_S), "\n".join(mote.lines)
    assert len(others) > 3  # the session worked all the while
    assert again[0] == 2  # under the same packet id, with the same bytes
    assert mote.said("no acknowledgement of one message") == 1
    assert mote.board.restarts == 0
