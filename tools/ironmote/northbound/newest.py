"""Retained messages, of which the newest alone matters: at most one of each topic is on its way.

So a broker that is away for days costs one message a topic, and not one for each that was to be said meanwhile.
"""

from collections.abc import Callable
from typing import Protocol


class Sent(Protocol):
    """A message that was given to the brokers."""

    @property
    def done(self) -> bool:
        """True where they have acknowledged it."""


class Newest:
    """What is to be said, by topic. Not for several threads."""

    def __init__(self, publish: Callable[[str, bytes], Sent | None]) -> None:
        """`publish` sends retained at QoS 1; None where there is nothing to wait for."""
        self._publish = publish
        self._waiting: dict[str, bytes] = {}
        self._under_way: dict[str, Sent] = {}

    @property
    def waits(self) -> bool:
        """True where `turn` has something to say once brokers have acknowledged what is on its way."""
        return bool(self._waiting)

    def say(self, topic: str, payload: bytes) -> None:
        """Send it, now or as soon as the one before was acknowledged."""
        self._waiting[topic] = payload
        self._send(topic)

    def turn(self) -> None:
        """Send what can be sent now."""
        for topic in list(self._waiting):
            self._send(topic)

    def _send(self, topic: str) -> None:
        before = self._under_way.get(topic)
        if before is not None and not before.done:
            return
        sent = self._publish(topic, self._waiting.pop(topic))
        if sent is None:
            self._under_way.pop(topic, None)
        else:
            self._under_way[topic] = sent
