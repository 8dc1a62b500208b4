"""A broker that is away costs one message a topic: of what is retained the newest alone matters."""

from ironmote.northbound.newest import Newest


class Away:
    """A broker that acknowledges when it is told to."""

    def __init__(self):
        self.sent = []
        self.done = False

    def publish(self, topic, payload):
        self.sent.append((topic, payload))
        return self


def test_newest_follows_the_one_that_is_under_way():
    broker = Away()
    newest = Newest(broker.publish)
    for number in range(1000):
        newest.say("a", b"%d" % number)
    newest.say("b", b"x")
    newest.turn()
    assert broker.sent == [("a", b"0"), ("b", b"x")]
    assert newest.waits
    broker.done = True
    newest.turn()
    assert broker.sent == [("a", b"0"), ("b", b"x"), ("a", b"999")]
    assert not newest.waits
    newest.say("a", b"last")
    assert broker.sent[-1] == ("a", b"last")
