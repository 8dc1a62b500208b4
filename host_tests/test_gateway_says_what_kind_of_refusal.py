"""An alert is made of the kind of a refusal, so that no words of it need to be read."""

import pytest
from gateway_motes import SealingMote, a_fleet, on_clear, on_home, trusts_of
from ironmote.gateway import reasons
from ironmote.gateway.members import members_of
from ironmote.gateway.uplink import NotBelieved, Uplink

FLEET = a_fleet()


def _flipped(message: bytes) -> bytes:
    return message[:-1] + bytes((message[-1] ^ 1,))


def _old_boot(uplink: Uplink):
    earlier = SealingMote(FLEET, "cellar", boot=1).up()
    uplink.take(on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar", boot=2).up()))
    return on_clear("sealed/cellar/up", earlier)


def _twin(uplink: Uplink):
    uplink.take(on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar").up()))
    return on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar").up())


def _again(uplink: Uplink):
    message = on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar").up())
    uplink.take(message)
    return message


def _will_again(uplink: Uplink):
    message = on_clear("sealed/cellar/state", SealingMote(FLEET, "cellar").will())
    uplink.take(message)
    return message


CASES = {
    reasons.FORGED: lambda _: on_clear("sealed/cellar/up", _flipped(SealingMote(FLEET, "cellar").up())),
    reasons.FORGED_WILL: lambda _: on_clear("sealed/cellar/state", _flipped(SealingMote(FLEET, "cellar").will())),
    f"{reasons.FORGED_WILL}, again": _will_again,
    reasons.REPLAY: _again,
    f"{reasons.REPLAY}, retained": lambda _: on_clear(
        "sealed/cellar/up", SealingMote(FLEET, "cellar").up(), retained=True
    ),
    reasons.CLONE: _twin,
    reasons.SET_BACK: _old_boot,
    reasons.LESSER: lambda _: on_clear("sealed/kitchen/up", b"{}"),
    reasons.OTHER_CHANNEL: lambda _: on_clear("sealed/cellar/state", SealingMote(FLEET, "cellar").state(channel="tls")),
    reasons.MALFORMED: lambda _: on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar").seal("up", b"\x00")),
    reasons.UNKNOWN: lambda _: on_clear("sealed/stranger/up", b""),
    reasons.STRAY: lambda _: on_home("mote/kitchen/elsewhere", b""),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal_has_its_kind(case: str):
    uplink = Uplink(members_of(FLEET), trusts_of(FLEET))
    message = CASES[case](uplink)
    with pytest.raises(NotBelieved) as caught:
        uplink.take(message)
    assert caught.value.kind == case.partition(",")[0]


def test_revoked_mote_has_its_kind():
    uplink = Uplink(members_of(FLEET), trusts_of(FLEET))
    uplink.revoke("cellar")
    with pytest.raises(NotBelieved) as caught:
        uplink.take(on_clear("sealed/cellar/up", SealingMote(FLEET, "cellar").up()))
    assert caught.value.kind == reasons.REVOKED
