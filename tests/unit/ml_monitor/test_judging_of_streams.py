"""Streams of chunks drawn here: how often the default rule of drift fires without a change, and when it must fire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from ml_core.records import FeatureSpec, Model
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, FalseAlarms
from ml_monitor.evaluation.baseline import make_baseline
from ml_monitor.evaluation.judging import Judge
from ml_monitor.monitoring.columns import number_column
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS
from ml_monitor.results.results_store import Result
from tests.factories import NOON

DAY = timedelta(days=1)
COLUMNS = [f"column-{number}" for number in range(6)]
(DEFAULT,) = [rule for rule in DEFAULT_RULES if rule.name == "default-drift"]
_TEST = COLUMN_METHODS["kolmogorov_smirnov"]


class Stream:
    """Six independent columns of normal numbers: a reference of 5,000 rows, and chunks of 1,000."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        model = Model("m", "M", "anomaly", NOON)
        reference = pd.DataFrame(self.generator.normal(size=(5000, 6)), columns=COLUMNS)
        self.baseline = make_baseline(model, 1, reference, [FeatureSpec(name, "number") for name in COLUMNS])
        self.judge = Judge(model, self.baseline)
        self._kept = {name: _TEST.fit(column) for name, column in self.baseline.features.items()}

    def chunk(self, shift: float = 0.0) -> list[Result]:
        """Return what is measured of the next chunk, whose first column has moved."""
        drawn = self.generator.normal(size=(6, 1000))
        drawn[0] += shift
        found = []
        for name, cells in zip(COLUMNS, drawn, strict=True):
            measured = _TEST.measure(self._kept[name], number_column(cells))
            value, p_value = measured.value, measured.p_value
            found.append(
                Result("day", "drift", _TEST.metric.name, name, "", NOON, NOON + DAY, 1000, value, None, p_value)
            )
        return found

    def drifted(self, rule: AlertRule, results: Sequence[Result]) -> set[str]:
        """Return the columns that a rule calls drifted."""
        judged = self.judge.judge(rule, results)
        return {each.result.column for each in judged if each.judgement.state == "beyond"}


def share_of_alarms(chunks: Sequence[set[str]]) -> float:
    """Return the share of runs of three chunks in which some column was called at least twice."""
    runs = [chunks[last - 2 : last + 1] for last in range(2, len(chunks))]
    return sum(any(sum(name in each for each in run) >= 2 for name in COLUMNS) for run in runs) / len(runs)


def test_a_healthy_stream_keeps_within_its_budget_of_false_alarms() -> None:
    wide = DEFAULT.model_copy(update={"threshold": FalseAlarms(false_alarms=0.05, smallest_effect=0.0)})
    shares: dict[str, list[float]] = {"default": [], "wide": []}
    for seed in range(6):
        stream = Stream(seed)
        chunks = [stream.chunk() for _ in range(60)]
        shares["default"].append(share_of_alarms([stream.drifted(DEFAULT, chunk) for chunk in chunks]))
        shares["wide"].append(share_of_alarms([stream.drifted(wide, chunk) for chunk in chunks]))
    assert np.mean(shares["default"]) <= 1.5 * 0.01
    assert np.mean(shares["wide"]) <= 1.5 * 0.05


def test_a_shift_of_a_fifth_of_a_deviation_in_one_column_is_found_within_three_chunks() -> None:
    found = 0
    for seed in range(20):
        stream = Stream(seed)
        called = [stream.drifted(DEFAULT, stream.chunk(shift=0.2)) for _ in range(3)]
        found += sum(COLUMNS[0] in each for each in called) >= 2
    assert found >= 19
