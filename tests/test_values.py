"""What becomes of values: each number here was worked out by hand."""

from mote import values
from mote.record import Reading
from mote.values import Values

SECOND = 1000


class Spec:
    """A value of the settings, as mote.kinds makes it: what is left out is None."""

    scale = offset = table = median = smooth = every = stats = deadband = heartbeat_s = None
    above = below = hysteresis = None

    def __init__(self, name="air", **fields):
        self.name = name
        for field in fields:
            setattr(self, field, fields[field])


class Run:
    """Values of one spec, fed with a sample a second; None is a sample that is missing."""

    def __init__(self, step_ms=SECOND, **fields):
        self.values = Values([Spec(**fields)])
        self.seen = None
        self.now_ms = 0
        self._step_ms = step_ms

    def sample(self, value):
        """Return what is reported of this sample, as (name, value) pairs."""
        self.seen = None if value is None else self.values.take("air", "Cel", value)
        readings = [] if self.seen is None else [Reading("air", "Cel", self.seen, None)]
        found = self.values.report(readings, self.now_ms)
        self.now_ms += self._step_ms
        assert all(each.unit == (None if isinstance(each.value, bool) else "Cel") for each in found)
        return [(each.name, each.value) for each in found]

    def seen_of(self, given):
        """Return the value that everybody sees of each of `given`."""
        found = []
        for value in given:
            self.sample(value)
            found.append(self.seen)
        return found

    def told_of(self, given):
        """Return the value of `air` that is reported at each of `given`, None where there is none."""
        return [dict(self.sample(value)).get("air") for value in given]


def close(found, wanted):
    assert len(found) == len(wanted), found
    for i, one in enumerate(found):
        other = wanted[i]
        assert (one is None) == (other is None), (found, wanted)
        assert one is None or abs(one - other) <= 1e-5 * max(1, abs(other)), (found, wanted)


def test_value_is_scaled_first_and_moved_then():
    close(Run(scale=2, offset=-3).seen_of((0, 1.5, -10)), (-3, 0, -23))
    close(Run(offset=0.5).seen_of((20,)), (20.5,))
    close(Run(scale=0.5).seen_of((20,)), (10,))


def test_table_is_a_line_between_its_points_and_nothing_beyond_them():
    table = [[0, 100], [10, 200], [30, 0]]
    given = (0, 5, 10, 15, 29, 30, -0.01, 30.01)
    close(Run(table=table).seen_of(given), (100, 150, 200, 150, 10, 0, None, None))


def test_what_no_record_can_hold_is_missing():
    assert Run(scale=1000000.0).seen_of((1e10, -1e10, 1e9)) == [None, None, 1e15]
    run = Run(scale=2.0)
    assert run.sample(1 << 53) == []
    assert run.sample(1.0) == [("air", 2.0)]


def test_median_is_of_those_that_there_are():
    close(Run(median=3).seen_of((5, 1, 9, 2, 2, 7)), (5, 3, 5, 2, 2, 2))
    close(Run(median=4).seen_of((1, 2, 3, 4, 100)), (1, 1.5, 2, 2.5, 3.5))
    close(Run(median=3).seen_of((5, None, 1, None, 9, None, 2)), (5, None, 3, None, 5, None, 2))


def test_one_outlier_passes_no_median():
    assert Run(median=5).seen_of((20, 20, 20, 85, 20, 20, 20)) == [20] * 7


def test_newest_value_has_its_weight():
    close(Run(smooth=0.25).seen_of((10, 20, 20, None, 0)), (10, 12.5, 14.375, None, 10.78125))
    close(Run(smooth=1).seen_of((10, 20, 0)), (10, 20, 0))


def test_median_comes_before_smoothing_and_calibration_before_both():
    close(Run(scale=10, median=3, smooth=0.5).seen_of((1, 1, 100, 3)), (10, 10, 10, 20))


def test_filters_begin_anew_after_three_missing_samples():
    close(Run(smooth=0.5).seen_of((10, None, None, 20)), (10, None, None, 15))
    close(Run(smooth=0.5).seen_of((10, None, None, None, 20)), (10, None, None, None, 20))
    close(Run(median=3).seen_of((1, 1, None, None, None, 9, 5)), (1, 1, None, None, None, 9, 7))


def test_report_is_the_mean_of_so_many_samples():
    close(Run(every=3).told_of((1, 2, 6, 4, 4, 5)), (None, None, 3, None, None, 13 / 3))


def test_sample_that_is_missing_is_in_no_mean_and_delays_no_report():
    close(Run(every=3).told_of((1, None, 6, None, None, None, 8, None, None)), (None, None, 3.5) + (None,) * 5 + (8,))


def test_least_and_greatest_are_reported_with_the_mean():
    run = Run(every=3, stats=True)
    assert [run.sample(value) for value in (4, -2, 1)] == [[], [], [("air", 1), ("air:min", -2), ("air:max", 4)]]
    assert [run.sample(value) for value in (None, 7, None)] == [[], [], [("air", 7), ("air:min", 7), ("air:max", 7)]]
    assert [run.sample(None) for _ in range(3)] == [[], [], []]


def test_mean_of_an_hour_of_pressures_is_right_in_single_precision():
    run = Run(every=3600)
    given = [100000.0 + i % 8 for i in range(3600)]
    close([each for each in run.told_of(given) if each is not None], (100003.5,))


def test_value_within_the_deadband_is_left_out():
    given = (20, 20.5, 19.5, 20.75, 20.25, 21.5, 21.5)
    close(Run(deadband=0.5).told_of(given), (20, None, None, 20.75, None, 21.5, None))
    close(Run(deadband=0).told_of((1, 1, 2)), (1, None, 2))


def test_slow_drift_is_reported_since_it_is_counted_from_what_was_reported():
    close(Run(deadband=1).told_of((0, 0.75, 1.5, 2.25, 3)), (0, None, 1.5, None, 3))


def test_deadband_is_silent_no_longer_than_the_heartbeat():
    close(Run(deadband=1, heartbeat_s=3).told_of((5,) * 8), (5, None, None, 5, None, None, 5, None))
    told = Run(step_ms=100 * SECOND, deadband=1).told_of((5,) * 19)
    assert [i for i, each in enumerate(told) if each is not None] == [0, 9, 18]


def test_value_that_comes_back_after_a_gap_is_reported():
    close(Run(deadband=1).told_of((5, None, None, None, 5, None, 5)), (5, None, None, None, 5, None, None))


def test_deadband_is_of_the_mean_where_there_is_one():
    close(Run(every=2, deadband=1).told_of((1, 3, 2, 3, 9, 1)), (None, 2, None, None, None, 5))


def test_alarm_goes_on_above_and_off_the_hysteresis_below():
    run = Run(above=30, hysteresis=2)
    said = [dict(run.sample(value)).get("air:high") for value in (29, 30, 30.5, 29, 28.25, 28, 30, 31)]
    assert said == [False, None, True, None, None, False, None, True]
    assert run.values.alarms == ("air:high",)


def test_alarm_goes_on_below_and_off_the_hysteresis_above():
    run = Run(below=5, hysteresis=1)
    assert [dict(run.sample(value)).get("air:low") for value in (5, 4, 5, 5.75, 6, 4.5)] == (
        [False, True, None, None, False, True]
    )


def test_one_value_has_both_alarms_and_neither_is_the_others():
    run = Run(above=30, below=5)
    assert run.sample(20) == [("air", 20), ("air:high", False), ("air:low", False)]
    assert run.sample(31) == [("air", 31), ("air:high", True), ("air:low", False)]
    assert run.sample(4) == [("air", 4), ("air:high", False), ("air:low", True)]
    assert run.values.alarms == ("air:low",)


def test_alarm_that_nothing_is_known_of_is_not_told():
    run = Run(above=30, heartbeat_s=2)
    assert [run.sample(None) for _ in range(5)] == [[]] * 5
    assert run.sample(10) == [("air", 10), ("air:high", False)]


def test_alarm_stays_on_and_is_told_while_its_sensor_is_gone():
    run = Run(above=30, heartbeat_s=2)
    assert run.sample(31) == [("air", 31), ("air:high", True)]
    assert [run.sample(None) for _ in range(4)] == [[], [("air:high", True)], [], [("air:high", True)]]
    assert run.values.alarms == ("air:high",)
    assert run.sample(20) == [("air", 20), ("air:high", False)]
    assert run.values.alarms == ()


def test_alarms_go_on_over_a_deep_sleep():
    specs = [Spec("damp", above=50), Spec("air", above=30, below=10, hysteresis=2), Spec("light", below=5)]
    before = Values(specs)
    for value in (31, 29):  # on, and still within the hysteresis
        before.take("air", "Cel", value)
        before.report([], 0)
    before.take("light", "lx", 3)
    before.report([], 0)
    after = Values(specs)
    after.resume(before.on())
    assert after.alarms == before.alarms == ("air:high", "light:low")
    after.take("air", "Cel", 29)
    after.take("light", "lx", 3)
    assert [each.name for each in after.report([], 0)] == ["air", "light"]
    assert after.on() == before.on()
    after.take("air", "Cel", 9)
    after.report([], 0)
    assert after.on() != before.on()
    fresh = Values(specs)
    assert (fresh.on(), fresh.alarms) == (0, ())


def test_alarm_that_changes_brings_its_value_along_whatever_the_deadband():
    run = Run(above=30, deadband=10, heartbeat_s=100)
    run.sample(29)
    assert run.sample(29.5) == []
    assert run.sample(30.5) == [("air", 30.5), ("air:high", True)]


def test_alarm_waits_for_no_mean():
    run = Run(above=30, every=3)
    assert run.sample(10) == [("air:high", False)]
    assert run.sample(31) == [("air:high", True)]
    assert run.sample(31) == [("air", 24)]


def test_alarm_is_of_the_filtered_value():
    run = Run(above=30, median=3, offset=1)
    assert [dict(run.sample(value)).get("air:high") for value in (20, 20, 90, 20, 29.5, 20)] == (
        [False, None, None, None, True, False]
    )


def test_example_of_the_documents():
    table = [[-20, -20.4], [0, -0.3], [10, 9.9], [30, 30.2]]
    run = Run(step_ms=10 * SECOND, table=table, median=3, deadband=0.2, heartbeat_s=600, above=8, hysteresis=1)
    found = [run.sample(value) for value in (5.0, 5.1, 25.0, 7.0, 9.0, 7.5, 6.5, 6.4, 35)]
    assert [dict(each).get("air:high") for each in found] == ([False, None, None, None, True, None, None, False, None])
    close([dict(each).get("air") for each in found], (4.8, None, None, 6.84, 8.88, 7.35, None, 6.33, None))


def test_values_of_other_names_are_as_they_were():
    made = Values([Spec("air", offset=1), Spec("soil", every=2)])
    assert made.take("lamp", "lx", 7) == 7
    readings = [Reading("lamp", "lx", 7, None), Reading("air", "Cel", made.take("air", "Cel", 20), None)]
    assert [(each.name, each.value) for each in made.report(readings, 0)] == [("lamp", 7), ("air", 21)]


def test_median_leaves_its_samples_in_their_places():
    ring = [3, 1, 2, None]
    assert values.median(ring, 3) == 2
    assert ring == [3, 1, 2, None]
