"""The six models' figures: ``make bench-response-time``, or ``python -m benchmarks.response_time``.

On 60 days of the made-up controller and on the shared hourly series, beside the last value, yesterday's and
statsforecast's AutoARIMA at the same issue times. An error is the root of the mean square by hours ahead; a figure is
the geometric mean of its ratios to another's over series, and over hours too. Then what an hour costs. Prints one line
for each figure on stdout; exits with 1 if any is short.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import response_time_costs, store
from benchmarks.figures import Figure, Sizes, progress
from benchmarks.response_time_series import autoarima, made_up_history, made_up_hours
from benchmarks.store import Part
from cloudwatch_engine.backtest import read_series
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.simulated_load import SERVERS
from forecasting_jobs.response_time.train_model import HORIZON
from ml_core.config import project_root
from ml_core.forecasters.backtest import Backtest, backtest
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.direct_hours import DirectHours
from ml_core.forecasters.direct_servers import DirectServers
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.timeseries.series import Floats, Series

REFITS = (0.45, 0.70)
"""Shares of a series at which all are fitted anew, as the reference was; scored is what comes after the last."""
RIVALS = {Naive.name: "last value's", SeasonalNaive.name: "yesterday's", "autoarima": "AutoARIMA's"}
ALONE = "without the other servers"
_STRIDE = 2  # hours between issue times, as in the reference


@dataclass(slots=True)
class Ratios:
    """By rival a row of ratios for each series, by hours ahead."""

    where: str
    found: dict[str, list[Floats]] = field(default_factory=dict)

    def take(self, ours: Floats, theirs: Mapping[str, Floats]) -> None:
        """Add a series: our errors and those of others, by hours ahead."""
        for rival, errors in theirs.items():
            self.found.setdefault(rival, []).append(ours / errors)

    def figures(self) -> Iterator[Figure]:
        """Yield a figure for each rival, and for each hour ahead one beside the last value."""
        for rival, title in RIVALS.items():
            if rival in self.found:
                yield self._figure(f"RMSE / {title}", rival, "below 1")
        if ALONE in self.found:
            yield self._figure("RMSE with the other servers / without", ALONE, "at most 1")
        for step, value in enumerate(self._by_hour(Naive.name), start=1):
            name = f"{self.where}, {step}H: RMSE / last value's"
            yield Figure(name, f"{value:.3f}", "at most 1", met=bool(value <= 1))

    def _figure(self, what: str, rival: str, asked: str) -> Figure:
        hours = self._by_hour(rival)
        value = float(np.exp(np.log(hours).mean()))
        by_hour = ", ".join(f"{hour:.2f}" for hour in hours)
        shown = f"{value:.3f} (1H to 6H: {by_hour}; {len(self.found[rival])} series)"
        return Figure(f"{self.where}: {what}", shown, asked, met=value < 1 or (value == 1 and asked == "at most 1"))

    def _by_hour(self, rival: str) -> Floats:
        means: Floats = np.exp(np.log(np.stack(self.found[rival])).mean(axis=0))
        return means


def made_up(sizes: Sizes, folder: Path, *, with_autoarima: bool = True) -> Iterator[Figure]:
    """Yield the figures on the made-up servers, the first so many, each as if it were the main one.

    Which six are judged is chosen as training does: those with the smaller error before what is scored.
    """
    ratios, hours = Ratios("made-up servers"), made_up_hours()
    for server in SERVERS[: sizes.forecast_series]:
        progress(f"the made-up {server} ...")
        history = made_up_history(hours, server)
        first, cut = (int(share * len(history)) for share in REFITS)
        tried = _tried(history, np.arange(first, len(history) - 1, _STRIDE), [first, cut], DirectServers)
        before, scored = tried.origins + HORIZON <= cut, tried.origins >= cut
        sixes = {name: _errors(tried, name, before).mean() for name in (DirectHours.name, DirectServers.name)}
        others = {name: _errors(tried, name, scored) for name in (Naive.name, SeasonalNaive.name)}
        if with_autoarima:
            said = autoarima(history, tried.origins[scored], cut, HORIZON)
            others["autoarima"] = _rmse(tried.truths[scored], said)
        ratios.take(_errors(tried, min(sixes, key=sixes.__getitem__), scored), others)
        with_servers = _errors(tried, DirectServers.name, scored)
        ratios.take(with_servers, {ALONE: _errors(tried, DirectHours.name, scored)})
    yield from ratios.figures()


def shared_series(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures on the shared hourly series, the first so many."""
    data = Path(os.environ.get("SHARED", project_root().parent / "shared")) / "data" / "series"
    if not data.exists():
        yield Figure("data", f"nothing at {data}", "the shared series; set SHARED", met=False)
        return
    reference = pd.read_csv(data / "autoarima_1h.csv.gz")
    ratios = Ratios("shared series")
    for name in sorted(reference["series"].unique())[: sizes.forecast_series]:
        progress(f"the series {name} ...")
        history = read_series(data / "1h" / f"{name}.csv", HOUR)
        rows = reference[reference["series"] == name].sort_values(["issue_time", "valid_time"])
        issued = pd.DatetimeIndex(rows["issue_time"].unique(), tz=UTC)
        origins = np.array([history.index_at(time.to_pydatetime()) for time in issued], dtype=np.int64)
        first, cut = (int(share * len(history)) for share in REFITS)
        tried = _tried(history, origins, [min(first, int(origins[0])), cut])
        every = np.ones(len(origins), dtype=bool)
        others = {rival: _errors(tried, rival, every) for rival in (Naive.name, SeasonalNaive.name)}
        said = rows["mean"].to_numpy(dtype=np.float64).reshape(len(origins), HORIZON)
        ratios.take(_errors(tried, DirectHours.name, every), {**others, "autoarima": _rmse(tried.truths, said)})
    yield from ratios.figures()


def _tried(history: Series, origins: NDArray[np.int64], refits: Sequence[int], *more: type[Forecaster]) -> Backtest:
    rivals = [kind(horizon=HORIZON) for kind in (DirectHours, Naive, SeasonalNaive, *more)]
    return backtest(history, rivals, origins=origins, refits=refits)


def _errors(tried: Backtest, name: str, rows: NDArray[np.bool_]) -> Floats:
    return _rmse(tried.truths[rows], tried.paths[name].point[rows])


def _rmse(truths: Floats, said: Floats) -> Floats:
    errors: Floats = np.sqrt(np.nanmean((truths - said) ** 2, axis=0))
    return errors


PARTS: Mapping[str, Part] = {"made-up": made_up, "shared": shared_series, "costs": response_time_costs.measure}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
