"""Ids and topics: ours, and nothing else."""

from harness import raises
from mote import topics


def test_topics_come_apart_as_they_were_made():
    for leaf in topics.LEAVES:
        assert topics.split(topics.open_topic("kitchen-2", leaf).decode()) == ("mote", "kitchen-2", leaf)
        assert topics.split(topics.sealed_topic("a", leaf).decode()) == ("sealed", "a", leaf)
    assert topics.name("kitchen", "up") == b"kitchen/up"
    assert topics.base_name("kitchen") == "kitchen/"


def test_other_topics_are_refused():
    for topic in (
        "",
        "/",
        "//",
        "mote",
        "mote/kitchen",
        "mote/kitchen/",
        "mote/kitchen/up/",
        "/mote/kitchen/up",
        "mote//up",
        "mote/kitchen/upp",
        "mote/kitchen/UP",
        "Mote/kitchen/up",
        "other/kitchen/up",
        "mote/+/up",
        "mote/#",
        "$share/g/mote/kitchen/up",
        "mote/Kitchen/up",
        "mote/kit chen/up",
        "mote/kitchen\0/up",
        "mote/" + "k" * 24 + "/up",
    ):
        raises(topics.TopicError, topics.split, topic)


def test_ids_are_1_to_23_of_a_to_z_digits_and_hyphen():
    for text in ("a", "0", "-", "kitchen-2", "z" * 23):
        assert topics.check_id(text) == text
    for text in ("", "z" * 24, "Kitchen", "k_1", "k/1", "k+", "#", "k ", "\xfc", "k\n", b"kitchen", None, 5):
        assert not topics.is_id(text)
        raises(topics.TopicError, topics.check_id, text)


def test_gateway_hears_all_leaves_of_all_motes_by_one_filter():
    assert topics.subscription("sealed") == "sealed/+/+"
