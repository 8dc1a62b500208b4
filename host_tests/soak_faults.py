"""Every kind of fault that `make soak` puts on a running site, by name: what it does, and what takes it away.

A fault is a function of the site, the mote and a source of chance. It returns when the fault is over.
"""

import json
import random
import time
from collections.abc import Callable

from faulty_link import Fault
from ironmote.demo.wire import Direction
from soak_site import SoakMote, SoakSite

Act = Callable[[SoakSite, SoakMote, random.Random], None]
_SESSION_BYTES = 2048


def _for_a_while(chance: random.Random) -> None:
    time.sleep(chance.uniform(2.0, 6.0))


def _link(make: Callable[[random.Random], Fault]) -> Act:
    def act(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
        mote.suffer(make(chance))
        _for_a_while(chance)
        mote.heal()

    return act


def _board(make: Callable[[random.Random], dict[str, object]]) -> Act:
    def act(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
        mote.mote.put(json.dumps(make(chance)))
        _for_a_while(chance)
        mote.heal()

    return act


def _gone(word: str) -> Act:
    """`word` is gone, and the sessions with it."""

    def act(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
        mote.mote.put(json.dumps({word: "gone"}))
        mote.link.cut()
        _for_a_while(chance)
        mote.heal()

    return act


def _dead(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    """The connection is half open: as where a router forgets it. A new one would work."""
    mote.link.lose()
    _for_a_while(chance)


def _power(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    for _ in range(1 + chance.randrange(2)):
        time.sleep(chance.uniform(0.0, 2.0))
        mote.cut_power()
    _for_a_while(chance)


def _power_while_away(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    """Power fails while nothing has been delivered for a while."""
    mote.suffer(Fault(stalls=True))
    _for_a_while(chance)
    mote.cut_power()
    mote.link.cut()
    mote.heal()
    _for_a_while(chance)


def _power_on_full_flash(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    """Power comes back while nothing can be written: nothing may be sent, and afterwards it must be heard again."""
    mote.mote.put(json.dumps({"flash": "full"}))
    mote.cut_power()
    _for_a_while(chance)
    mote.heal()
    _for_a_while(chance)


def _clock(to: int) -> Act:
    def act(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
        mote.mote.put(json.dumps({"clock": to, "ntp": to}))
        if chance.randrange(2):
            mote.link.cut()
        _for_a_while(chance)
        mote.heal()

    return act


def _killed(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    site.kill_broker(chance.uniform(0.0, 3.0), forgets=False)


def _forgot(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    site.kill_broker(chance.uniform(0.0, 3.0), forgets=True)


def _restarted(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    site.restart_broker(chance.uniform(0.0, 3.0))


def _gateway(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
    site.restart_gateway(chance.uniform(0.0, 3.0))


# On a mote and its link.
OF_A_MOTE: dict[str, Act] = {
    "reset going up": _link(lambda c: Fault(reset_after=c.randrange(_SESSION_BYTES), reset_in=Direction.UP)),
    "reset coming down": _link(lambda c: Fault(reset_after=c.randrange(200), reset_in=Direction.DOWN)),
    "link stalls": _link(lambda c: Fault(stalls=True)),
    "connection half open": _dead,
    "broker silent": _link(lambda c: Fault(silent=True)),
    "swallowed going up": _link(lambda c: Fault(swallows=Direction.UP)),
    "swallowed coming down": _link(lambda c: Fault(swallows=Direction.DOWN)),
    "link slow": _link(lambda c: Fault(piece=1 + c.randrange(40), pause_s=0.02)),
    "refused": _link(lambda c: Fault(refuses=True)),
    "wifi gone": _gone("wifi"),
    "names gone": _gone("dns"),
    "clock in 1970": _clock(0),
    "clock in 2038": _clock(2**31),
    "heap nearly full": _board(lambda c: {"heap": c.randrange(3000, 30000)}),
    "flash full": _board(lambda c: {"flash": "full"}),
    "power cut": _power,
    "power cut, away": _power_while_away,
    "power cut, flash full": _power_on_full_flash,
}

# On a link in the clear, which knows packets.
OF_PACKETS: dict[str, Act] = {
    "packets twice": _link(lambda c: Fault(duplicates=True, share=0.6)),
    "packets reordered": _link(lambda c: Fault(reorders=True, share=0.6)),
    "PUBACKs swallowed": _link(lambda c: Fault(swallows_pubacks=True, share=0.6)),
    "wrong packet ids": _link(lambda c: Fault(wrong_ids=True, share=0.6)),
}

# On broker and gateway, for all motes.
OF_A_SITE: dict[str, Act] = {
    "broker killed": _killed,
    "broker forgot": _forgot,
    "broker restarted": _restarted,
    "gateway restarted": _gateway,
}

EVERY = (*OF_A_MOTE, *OF_PACKETS, *OF_A_SITE)


def of(mote: SoakMote) -> dict[str, Act]:
    """The faults that `mote` and its link can have."""
    return OF_A_MOTE | OF_PACKETS if mote.clear else OF_A_MOTE
