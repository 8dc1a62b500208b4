"""The account of the soak: what nobody told of is found, whatever else was told."""

from reckoning import Stored, Sums, Taken, Told, settle


def account(there: dict[int, Stored], told: Told, count: int = 10) -> Sums:
    """Ten readings in one start of a board, of which those in `there` are stored, then one of the next start."""
    taken = [Taken(value, value, 1, False) for value in range(1, count + 1)] + [Taken(99, 99, 2, False)]
    stored = {value: [identity] for value, identity in there.items()} | {99: [Stored(1, 2, 1)]}
    return settle(taken, stored, [], told).total


def first(count: int) -> dict[int, Stored]:
    return {number: Stored(1, 1, number) for number in range(1, count + 1)}


def test_gap_in_the_numbers_is_reported_and_an_end_that_nobody_told_of_is_silent():
    there = first(10)
    del there[4]
    assert (account(there, Told()).reported, account(there, Told()).silent) == (1, 0)
    assert (account(first(7), Told()).reported, account(first(7), Told()).silent) == (0, 3)


def test_end_that_was_told_is_reported_and_no_more_than_was_told():
    sums = account(first(7), Told({(1, 1): 9}))
    assert (sums.reported, sums.silent) == (2, 1)


def test_announcement_covers_what_comes_after_its_number_and_nothing_before():
    sums = account(first(5), Told(missing=[(1, 5, 2)]))
    assert (sums.announced, sums.silent) == (5, 0)
    sums = account(first(5), Told(missing=[(1, 8, 2)]))
    assert (sums.announced, sums.silent) == (2, 3)
    sums = account(first(5), Told({(1, 1): 8}, [(1, 8, 2)]))
    assert (sums.announced, sums.reported, sums.silent) == (2, 3, 0)


def test_reading_that_is_stored_twice_is_seen():
    taken = [Taken(1, 1, 1, False)]
    sums = settle(taken, {1: [Stored(1, 1, 1), Stored(1, 1, 2)]}, []).total
    assert (sums.repeated, sums.once) == (1, 0)
