"""Who has signed in: sessions that live in this process alone, under random names of which only hashes are kept."""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .accounts import Account

IDLE_S = 12 * 3600  # without a request or an open page
LONGEST_S = 7 * 24 * 3600
_MOST_OF_ONE = 16
_MOST = 10_000
_BYTES = 32


@dataclass
class Session:
    """One sign-in. Times are monotonic seconds. `csrf` is what every change has to show."""

    account: Account
    began: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES), repr=False)
    ended: bool = False

    def matches(self, token: str) -> bool:
        """True where `token` is the one of this session; takes the same time whether it is or not."""
        return hmac.compare_digest(self.csrf.encode(), token.encode(errors="replace"))


class Sessions:
    """All sessions. Any thread may ask.

    `still` says whether an account that signed in is as it was then: whoever lost it, or has another role or
    passphrase since, is signed out.
    """

    def __init__(self, still: Callable[[Account], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._still = still
        self._clock = clock
        self._lock = threading.Lock()
        self._by_hash: dict[bytes, Session] = {}

    def begin(self, account: Account) -> tuple[str, Session]:
        """A new session and its name, which was never any other's: one that was known before is worth nothing."""
        name, now = secrets.token_urlsafe(_BYTES), self._clock()
        session = Session(account, now, now)
        with self._lock:
            own = [(key, each) for key, each in self._by_hash.items() if each.account.name == account.name]
            for key, each in sorted(own, key=lambda item: item[1].used)[: max(0, len(own) + 1 - _MOST_OF_ONE)]:
                self._drop(key, each)
            if len(self._by_hash) >= _MOST:
                oldest = min(self._by_hash, key=lambda key: self._by_hash[key].used)
                self._drop(oldest, self._by_hash[oldest])
            self._by_hash[_hash(name)] = session
        return name, session

    def find(self, name: str) -> Session | None:
        """The session of that name, as used now; None where there is none, or it has ended."""
        key = _hash(name)
        with self._lock:
            session = self._by_hash.get(key)
            if session is None:
                return None
            if not self._lives(session):
                self._drop(key, session)
                return None
            session.used = self._clock()
            return session

    def lives(self, session: Session) -> bool:
        """True while the session, of which a page is open, goes on; that counts as use."""
        with self._lock:
            if session.ended or not self._lives(session):
                return False
            session.used = self._clock()
            return True

    def end(self, name: str) -> None:
        """Sign out."""
        key = _hash(name)
        with self._lock:
            if (session := self._by_hash.get(key)) is not None:
                self._drop(key, session)

    def _lives(self, session: Session) -> bool:
        now = self._clock()
        return now - session.used < IDLE_S and now - session.began < LONGEST_S and self._still(session.account)

    def _drop(self, key: bytes, session: Session) -> None:
        session.ended = True
        del self._by_hash[key]


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()
