"""What a mote makes of values is what CPython's own statistics make of the same samples."""

import statistics

from hypothesis import given, settings
from hypothesis import strategies as st
from mote.record import Reading
from mote.values import Values
from test_values import Spec

GAP = 3
SAMPLE_MS = 1000
numbers = st.floats(-1000, 1000, width=32)
series = st.lists(st.one_of(st.none(), numbers), max_size=60)


def told(spec, samples):
    """What everybody sees of each sample, and what is reported of it, by name."""
    values = Values([spec])
    seen, reported = [], []
    for i, sample in enumerate(samples):
        now = None if sample is None else values.take("air", "Cel", sample)
        readings = [] if now is None else [Reading("air", "Cel", now, None)]
        seen.append(now)
        reported.append({each.name: each.value for each in values.report(readings, i * SAMPLE_MS)})
    return seen, reported


def runs(samples):
    """For each sample those there since the filters began, this one last; None where it is missing."""
    there, missing = [], 0
    for sample in samples:
        if sample is None:
            missing += 1
            yield None
            continue
        there = [sample] if missing >= GAP else [*there, sample]
        missing = 0
        yield there


def close(one, other):
    return abs(one - other) <= 1e-6 * max(1, abs(other))


@settings(max_examples=150, deadline=None)
@given(series, st.integers(3, 9))
def test_median_of_the_last_that_there_are(samples, size):
    seen, _ = told(Spec(median=size), samples)
    for value, there in zip(seen, runs(samples), strict=True):
        assert value == (None if there is None else statistics.median(there[-size:]))


@settings(max_examples=150, deadline=None)
@given(series, st.floats(0.0078125, 1, width=32))
def test_smoothing_is_the_sum_of_all_that_was_with_falling_weights(samples, weight):
    seen, _ = told(Spec(smooth=weight), samples)
    for value, there in zip(seen, runs(samples), strict=True):
        if there is None:
            assert value is None
            continue
        weights = [weight * (1 - weight) ** age for age in range(len(there))]
        weights[-1] = (1 - weight) ** (len(there) - 1)
        assert close(value, sum(w * each for w, each in zip(weights, reversed(there), strict=True)))


@settings(max_examples=150, deadline=None)
@given(series, st.integers(2, 9))
def test_mean_least_and_greatest_of_each_report(samples, every):
    _, reported = told(Spec(every=every, stats=True), samples)
    for i, found in enumerate(reported):
        part = [each for each in samples[i + 1 - every : i + 1] if each is not None] if (i + 1) % every == 0 else []
        assert bool(found) == bool(part)
        if part:
            assert close(found["air"], statistics.fmean(part))
            assert (found["air:min"], found["air:max"]) == (min(part), max(part))


@settings(max_examples=150, deadline=None)
@given(series, st.floats(0, 500, width=32), st.integers(1, 20))
def test_whoever_listens_is_never_further_off_than_the_deadband_nor_older_than_the_heartbeat(samples, band, beat):
    _, reported = told(Spec(deadband=band, heartbeat_s=beat), samples)
    known = at = None
    for i, (sample, found) in enumerate(zip(samples, reported, strict=True)):
        if "air" in found:
            assert known is None or abs(sample - known) > band or i - at >= beat or None in samples[at:i]
            known, at = found["air"], i
            assert known == sample
        elif sample is not None:
            assert abs(sample - known) <= band
            assert i - at < beat


@settings(max_examples=150, deadline=None)
@given(series, st.floats(-500, 500, width=32), st.floats(0, 200, width=32), st.integers(1, 20))
def test_alarm_that_is_told_is_the_one_that_its_samples_make(samples, above, hysteresis, beat):
    _, reported = told(Spec(above=above, hysteresis=hysteresis, heartbeat_s=beat), samples)
    on = known = at = None
    for i, (sample, found) in enumerate(zip(samples, reported, strict=True)):
        if sample is not None:
            on = sample > above or (bool(on) and sample > above - hysteresis)
        if "air:high" in found:
            known, at = found["air:high"], i
        assert known is on
        assert at is None or i - at < beat


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=8, unique_by=lambda point: point[0]), numbers)
def test_table_has_its_points_and_stays_between_its_neighbours(points, value):
    table = sorted(points)
    for start, end in table:
        assert close(told(Spec(table=table), [start])[0][0], end)
    (found,) = told(Spec(table=table), [value])[0]
    if not table[0][0] <= value <= table[-1][0]:
        assert found is None
        return
    low = max(point for point in table if point[0] <= value)
    high = min(point for point in table if point[0] >= value)
    slack = 1e-6 * max(1, abs(low[1]), abs(high[1]))
    assert min(low[1], high[1]) - slack <= found <= max(low[1], high[1]) + slack
