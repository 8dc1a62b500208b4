"""Pauses grow, never agree, stop growing where they are told to, and are short again after a success."""

from mote.backoff import Backoff, longest_ms


def pauses(made, count):
    return [made.pause_ms() for _ in range(count)]


def test_pauses_double_up_to_the_longest_and_are_never_longer():
    found = pauses(Backoff(60000), 12)
    for i, pause in enumerate(found):
        whole = min(500 << i, 60000)
        assert whole // 2 <= pause < whole, (i, pause)


def test_two_motes_do_not_wait_for_the_same_time():
    made = Backoff(60000)
    made.hold(60000)
    assert len(set(pauses(made, 20))) > 15


def test_watchdog_bites_after_several_tries_and_not_between_two():
    assert longest_ms(0) == longest_ms(600) == longest_ms(86400) == 60000
    assert longest_ms(8) == 2000
    assert sum(pauses(Backoff(longest_ms(8)), 4)) < 8000


def test_success_makes_the_next_pause_short_again():
    made = Backoff(60000)
    pauses(made, 8)
    made.reset()
    assert made.pause_ms() < 500


def test_held_pause_is_long_though_the_others_may_not_be():
    made = Backoff(2500)
    assert max(pauses(made, 8)) < 2500
    made.hold(60000)
    assert min(pauses(made, 3)) >= 30000
    made.reset()
    assert made.pause_ms() < 500
