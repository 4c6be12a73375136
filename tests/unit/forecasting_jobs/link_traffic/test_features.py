"""What a network learns from: typical days without the day to come, and nothing from after the cut-off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting_jobs.link_traffic.features import Examples, days_of, examples_of, fit_spec, inputs_of, targets_of
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from tests.factories import NOON

START = NOON.replace(hour=0) - 20 * 24 * HOUR
CUT = NOON - 5 * 24 * HOUR


def a_series(days: int = 20) -> LinkSeries:
    values = np.random.default_rng(0).uniform(5, 9, size=(days * 24, 2))
    return LinkSeries("A", "X", START, HOUR, values)


def one_of(examples: Examples) -> Examples:
    """Return the example that was issued two days before the cut-off, at noon."""
    return examples.taken(examples.seconds == int((CUT - 48 * HOUR).timestamp()))


def test_what_is_to_come_is_no_part_of_the_typical_day_that_an_example_is_learnt_from_with() -> None:
    series = a_series()
    spiked = replace(series, values=series.values.copy())
    place = series.index_at(CUT - 48 * HOUR)
    spiked.values[place + 1 : place + 7] += 1000.0
    learnt, known = [], []
    for each in (series, spiked):
        spec = replace(fit_spec([series], CUT), profiles=fit_spec([each], CUT).profiles)
        example = one_of(examples_of([each], spec))
        learnt.append(inputs_of(spec, example, days_of([each], CUT)).base)
        known.append(inputs_of(spec, example).base)
    assert learnt[0] == pytest.approx(learnt[1], rel=1e-9)
    assert np.abs(known[0] - known[1]).min() > 1.0  # the whole typical day gives away what came


def test_typical_days_know_nothing_from_after_the_cut_off() -> None:
    series = a_series()
    later = replace(series, values=np.where(series.seconds()[:, None] > CUT.timestamp(), 1e6, series.values))
    specs = [fit_spec([each], CUT) for each in (series, later)]
    assert specs[0].profiles is not None and specs[1].profiles is not None
    assert specs[0].profiles.tolist() == specs[1].profiles.tolist()
    assert specs[0].profiles.shape == (1, 2, 24, 2)


def test_targets_are_how_far_the_truth_is_from_the_base_in_the_spread_of_the_window() -> None:
    series = a_series()
    spec = fit_spec([series], CUT)
    examples = examples_of([series], spec)
    inputs = inputs_of(spec, examples)
    targets = targets_of(inputs, examples)
    inside = np.abs(targets) < 3.99
    assert inside.mean() > 0.9
    assert spec.values(targets, inputs)[inside] == pytest.approx(examples.truths[inside], rel=1e-4)
