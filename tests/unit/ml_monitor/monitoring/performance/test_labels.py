"""How late truth comes and how much of it: held to numpy, with errors that simulated chunks confirm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.performance.labels import METRICS, measure_labels, quantile
from ml_monitor.monitoring.results import Measured, Undefined
from tests.closeness import close
from tests.factories import NOON

DELAYS = ("label_delay_median_seconds", "label_delay_p95_seconds")


def a_frame(delays: Sequence[float | None]) -> pd.DataFrame:
    """Return one prediction a minute, each with its truth after so many seconds."""
    times = [NOON + timedelta(minutes=minute) for minute in range(len(delays))]
    received: list[Any] = [
        None if delay is None else time + timedelta(seconds=delay) for time, delay in zip(times, delays, strict=True)
    ]
    frame = pd.DataFrame(
        {"time": pd.to_datetime(times, utc=True), "truth_received_time": pd.to_datetime(received, utc=True)}
    )
    return frame.astype("datetime64[us, UTC]")


@given(st.lists(st.one_of(st.none(), st.integers(0, 100_000).map(float)), min_size=1))
def test_coverage_is_the_share_with_truth_and_delays_are_numpys_quantiles(delays: list[float | None]) -> None:
    found = measure_labels(a_frame(delays))
    known = [delay for delay in delays if delay is not None]
    assert found["label_coverage"].value == close(len(known) / len(delays))
    assert found["label_coverage"].rows == len(delays)
    for name, level in zip(DELAYS, (0.5, 0.95), strict=True):
        expected = float(np.quantile(known, level)) if known else Undefined("no ground truth")
        assert found[name].value == close(expected)
        assert found[name].rows == len(known)


def test_a_truth_that_came_before_its_prediction_has_no_delay() -> None:
    found = measure_labels(a_frame([-60.0, -60.0, 30.0]))
    assert found["label_delay_median_seconds"].value == 0.0


def test_predictions_without_any_truth_have_a_coverage_of_zero_that_is_not_certain() -> None:
    found = measure_labels(a_frame([None] * 10))
    assert found["label_coverage"].value == 0.0
    assert found["label_coverage"].standard_error == pytest.approx(0.06, abs=0.01)


def test_no_predictions_have_neither() -> None:
    assert measure_labels(a_frame([])) == {metric.name: Measured(Undefined("no rows")) for metric in METRICS}


@pytest.mark.parametrize("rows", [200, 2000])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_standard_error_of_a_quantile_is_how_it_scatters(rows: int, level: float) -> None:
    generator = np.random.default_rng(5)
    found = [quantile(np.sort(generator.exponential(3600, rows)), level) for _ in range(2000)]
    scatter = np.std(np.array([metric.value for metric in found], dtype=float), ddof=1)
    assert np.mean([metric.standard_error or np.nan for metric in found]) == pytest.approx(scatter, rel=0.15)


def test_a_high_quantile_of_few_rows_has_no_standard_error() -> None:
    assert quantile(np.arange(36.0), 0.95).standard_error is None
    assert quantile(np.arange(15.0), 0.5).standard_error is not None
    assert quantile(np.arange(37.0), 0.95).standard_error is not None


@pytest.mark.parametrize("name", ["time", "truth_received_time"])
def test_a_column_that_is_missing_or_naive_is_refused_by_name(name: str) -> None:
    frame = a_frame([1.0, 2.0])
    with pytest.raises(InvalidInput, match=f"{name}: expected a column of this name"):
        measure_labels(frame.drop(columns=name))
    with pytest.raises(InvalidInput, match=f"{name}: expected aware times"):
        measure_labels(frame.assign(**{name: frame[name].dt.tz_localize(None)}))
