"""What a network learns from: typical days without the day to come, and nothing from after the cut-off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting_jobs.link_traffic.features import (
    Examples,
    days_of,
    examples_of,
    fit_spec,
    inputs_of,
    targets_of,
    trust_in,
    typical_of,
)
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
        learnt.append(inputs_of(spec, example, typical_of(spec, example, days_of([each], CUT))).base)
        known.append(inputs_of(spec, example).base)
    assert learnt[0] == pytest.approx(learnt[1], rel=1e-9)
    assert np.abs(known[0] - known[1]).max() > 0.5  # the whole typical day gives away what came


def test_typical_days_know_nothing_from_after_the_cut_off() -> None:
    series = a_series()
    later = replace(series, values=np.where(series.seconds()[:, None] > CUT.timestamp(), 1e6, series.values))
    specs = [fit_spec([each], CUT) for each in (series, later)]
    assert specs[0].profiles is not None and specs[1].profiles is not None
    assert specs[0].profiles.tolist() == specs[1].profiles.tolist()
    assert specs[0].profiles.shape == (1, 2, 24, 2)


def test_a_typical_day_is_trusted_as_far_as_it_proves_true_of_days_that_are_no_part_of_it() -> None:
    noise = a_series()
    day = 7.0 + 3.0 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    daily = replace(noise, values=np.tile(day, 20)[:, None] + (noise.values - 7.0) / 4)
    found = []
    for series in (noise, daily):
        spec = fit_spec([series], CUT)
        examples = examples_of([series], spec)
        examples = examples.taken(examples.seconds < int((CUT - 6 * HOUR).timestamp()))
        found.append(trust_in(spec, examples, typical_of(spec, examples, days_of([series], CUT))))
    assert found[0].shape == (1, 2)
    assert found[0].max() < 0.2 and found[1].min() > 0.8


def test_one_day_of_a_thousand_times_as_much_makes_no_typical_day() -> None:
    series = a_series()
    spiked = replace(series, values=series.values.copy())
    spiked.values[50] *= 1000.0
    profiles = [fit_spec([each], CUT).profiles for each in (series, spiked)]
    assert profiles[0] is not None and profiles[1] is not None
    assert np.abs(profiles[1] - profiles[0]).max() < 1.0


def test_targets_are_how_far_the_truth_is_from_the_base_in_the_spread_of_the_window() -> None:
    series = a_series()
    spec = fit_spec([series], CUT)
    examples = examples_of([series], spec)
    inputs = inputs_of(spec, examples)
    targets = targets_of(inputs, examples)
    inside = np.abs(targets) < 3.99
    assert inside.mean() > 0.9
    assert spec.values(targets, inputs)[inside] == pytest.approx(examples.truths[inside], rel=1e-4)
