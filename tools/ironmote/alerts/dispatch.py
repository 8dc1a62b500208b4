"""What alerts do, by the owner's rules: tell people, put a mote in quarantine, revoke it.

An attacker may cause alerts at will, and with them messages to the owner, in bounded numbers. What takes something from
a mote is done for proven kinds alone, and never to many in a short time: the owner is told instead.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import IronmoteError
from ..plain import plain
from . import kinds
from .alert import Alert
from .book import Book
from .desk import Desk
from .mail import mailer
from .rules import MAIL, QUARANTINE, REVOKE, REVOKES, WEBHOOK, Rules
from .sender import Post, Sender
from .webhook import poster

_EVERY_S = {WEBHOOK: 1.0, MAIL: 60.0}
_AT_MOST = {QUARANTINE: (10, 3600.0), REVOKE: (1, 3600.0)}  # motes, in so many seconds
_OVER = "over"
_log = logging.getLogger(__name__)


class Dispatch:
    """`changed` is called on the desk's thread with each change of an alert. `start` and `stop` go round it."""

    def __init__(
        self,
        rules: Rules,
        fleet: str,
        desk: Desk,
        quarantine: Callable[[str, str], None],
        revoke: Callable[[str], None],
    ) -> None:
        """`quarantine(mote, why)` and `revoke(mote)` do that, on the desk's thread; they may raise IronmoteError."""
        self._rules = rules
        self._desk = desk
        self._measures: dict[str, Callable[[Alert], None]] = {
            QUARANTINE: lambda alert: quarantine(alert.mote, f"{alert.kind}: {alert.text}"),
            REVOKE: lambda alert: revoke(alert.mote),
        }
        self._taken: dict[str, deque[float]] = {name: deque(maxlen=most) for name, (most, _) in _AT_MOST.items()}
        self._senders: dict[str, Sender] = {}
        if rules.webhook is not None:
            self._add(WEBHOOK, poster(rules.webhook, fleet))
        if rules.mail is not None:
            self._add(MAIL, mailer(rules.mail, fleet))

    def _add(self, name: str, send: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        def told(posts: Iterable[Post]) -> None:
            self._desk.report(lambda book, now: self._note(posts))

        def trouble(why: str | None) -> None:
            self._desk.report(lambda book, now: self._tell_trouble(name, why, book, now))

        self._senders[name] = Sender(name, send, _EVERY_S[name], told, trouble)

    def start(self) -> None:
        """Begin."""
        for sender in self._senders.values():
            sender.start()

    def stop(self) -> None:
        """End soon."""
        for sender in self._senders.values():
            sender.stop()

    def changed(self, alert: Alert) -> None:
        """Do what the rules say of an alert that has begun, got worse, or is over."""
        for action in self._rules.actions(alert):
            if action in self._senders:
                self._tell(action, alert)
            elif action not in alert.done and alert.over is None:
                self._measure(action, alert)

    def _tell(self, name: str, alert: Alert) -> None:
        if alert.kind == kinds.ACTION and alert.what == name:
            return  # that it could not be told is for the others to tell
        word = f"{name}-{alert.severity if alert.over is None else _OVER}"
        known = any(each.startswith(f"{name}-") for each in alert.done)
        if word in alert.done or self._senders[name].waits(alert.id, word):
            return
        if alert.over is None and alert.acknowledged is not None:
            return
        if alert.over is not None and not known and not self._senders[name].waits(alert.id, f"{name}-{alert.severity}"):
            return  # nobody was told that it had begun
        self._senders[name].put(alert.id, word, alert.line())

    def _note(self, posts: Iterable[Post]) -> None:
        for post in posts:
            self._desk.done(post.alert, post.word)

    def _tell_trouble(self, name: str, why: str | None, book: Book, now: float) -> None:
        if why is None:
            book.over(kinds.ACTION, "", now, name)
        else:
            book.seen(kinds.ACTION, "", plain(f"alerts cannot be told by {name}: {why}")[:300], now, name)

    def _measure(self, name: str, alert: Alert) -> None:
        allowed = kinds.KINDS[alert.kind].proven and (name != REVOKE or alert.kind in REVOKES)
        if not alert.mote or not allowed:
            return
        most, over_s = _AT_MOST[name]
        now, taken = time.monotonic(), self._taken[name]
        if len(taken) == most and now - taken[0] < over_s:
            words = f"{name}: not done to {alert.mote}, since {most} in {over_s / 3600:.0f} h were; do it yourself"
            self._desk.report(lambda book, when: book.seen(kinds.ACTION, alert.mote, words, when, name))
            return
        try:
            self._measures[name](alert)
        except IronmoteError as error:
            words = f"{name}: not done to {alert.mote}: {error}"
            self._desk.report(lambda book, when: book.seen(kinds.ACTION, alert.mote, words, when, name))
            return
        taken.append(now)
        _log.warning("%s of %s by a rule: %s", name, alert.mote, alert.text)
        self._desk.done(alert.id, name)
