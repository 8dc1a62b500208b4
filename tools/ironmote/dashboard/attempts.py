"""How often anybody may try to sign in: by account and by address, each a bucket that refills slowly.

Who guesses from everywhere cannot keep an owner out: an address from which an account has signed in before has a
bucket of its own for it.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_BURST_ADDRESS, _REFILL_ADDRESS_S = 10, 30.0
_BURST_ACCOUNT, _REFILL_ACCOUNT_S = 20, 60.0
_BURST_KNOWN, _REFILL_KNOWN_S = 10, 30.0
_MOST = 10_000  # buckets of each kind; the one that was not used for longest makes room


class _Buckets:
    """Buckets by key. What is left in one is computed when it is asked for."""

    def __init__(self, burst: int, refill_s: float) -> None:
        self._burst = burst
        self._refill_s = refill_s
        self._left: OrderedDict[object, tuple[float, float]] = OrderedDict()  # what was left, and when

    def wait_s(self, key: object, now: float) -> float:
        """Seconds until there is one in the bucket, 0 where there is."""
        return max(0.0, (1 - self._level(key, now)) * self._refill_s)

    def take(self, key: object, now: float) -> None:
        """Take one out."""
        self._left[key] = (self._level(key, now) - 1, now)
        self._left.move_to_end(key)
        while len(self._left) > _MOST:
            self._left.popitem(last=False)

    def fill(self, key: object) -> None:
        """Make it full."""
        self._left.pop(key, None)

    def _level(self, key: object, now: float) -> float:
        left, then = self._left.get(key, (float(self._burst), now))
        return min(float(self._burst), left + (now - then) / self._refill_s)


class Attempts:
    """Counts the tries. Any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._addresses = _Buckets(_BURST_ADDRESS, _REFILL_ADDRESS_S)
        self._accounts = _Buckets(_BURST_ACCOUNT, _REFILL_ACCOUNT_S)
        self._known_pairs = _Buckets(_BURST_KNOWN, _REFILL_KNOWN_S)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, account: str, address: str) -> float:
        """Count a try, before its outcome is known, and return 0; or the seconds by which it is too early to count."""
        network, now = _network(address), self._clock()
        pair = (account, network)
        with self._lock:
            buckets: list[tuple[_Buckets, object]] = [(self._addresses, network), (self._accounts, account)]
            if pair in self._known:
                buckets = [(self._known_pairs, pair)]
            wait_s = max(each.wait_s(key, now) for each, key in buckets)
            if wait_s == 0:
                for each, key in buckets:
                    each.take(key, now)
            return wait_s

    def succeeded(self, account: str, address: str) -> None:
        """It was the right passphrase: this address is known to the account."""
        network = _network(address)
        with self._lock:
            self._known[account, network] = None
            self._known.move_to_end((account, network))
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
            self._known_pairs.fill((account, network))


def _network(address: str) -> str:
    """The address, or of IPv6 the network of 64 bits, which is one customer's."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped else found)
