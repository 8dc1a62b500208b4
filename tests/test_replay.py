"""Each sequence number is taken once, and none that is older than the window."""

from mote.replay import Window


def taken(window, sequence):
    if not window.check(sequence):
        return False
    window.commit(sequence)
    return True


def test_in_order_each_is_taken_once():
    window = Window()
    for sequence in range(200):
        assert taken(window, sequence)
        assert not taken(window, sequence)
    assert window.highest == 199


def test_late_ones_are_taken_once_within_the_window():
    window = Window()
    assert taken(window, 100)
    for sequence in range(37, 100):
        assert taken(window, sequence), sequence
    for sequence in range(101):
        assert not taken(window, sequence), sequence


def test_older_than_the_window_is_refused():
    window = Window()
    taken(window, 64)
    assert not window.check(0)
    assert window.check(1)


def test_a_jump_forgets_what_is_behind_it():
    window = Window()
    for sequence in (0, 1, 2):
        taken(window, sequence)
    assert taken(window, 2**40 - 1)
    assert window.bits == 1
    assert not window.check(2)
    assert window.check(2**40 - 64)
    assert not window.check(2**40 - 65)


def test_check_changes_nothing():
    window = Window()
    taken(window, 5)
    before = (window.highest, window.bits)
    for sequence in (0, 4, 5, 6, 1000):
        window.check(sequence)
    assert (window.highest, window.bits) == before


def test_bits_stay_within_the_window():
    window = Window()
    for sequence in range(0, 1000, 3):
        taken(window, sequence)
        assert window.bits < 2**64
    window.commit(1)
    assert window.bits < 2**64


def test_state_goes_over_a_restart():
    first = Window()
    for sequence in (3, 5, 60):
        taken(first, sequence)
    again = Window(64, first.highest, first.bits)
    for sequence in range(61):
        assert again.check(sequence) == (sequence not in (3, 5, 60))
