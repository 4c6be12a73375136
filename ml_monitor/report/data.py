"""How much came in a period: predictions by day, how much of their truth, and how late that was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.report.metrics import CHUNK, mean_of
from ml_monitor.report.periods import Period
from ml_monitor.results.results_store import read_results

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DataLine:
    """The data of a period. ``by_day`` are the predictions of each day of this period and the one before.

    ``coverage`` is the share of predictions whose truth has come, ``delay_seconds`` the typical delay of truth; None
    where no check has measured them.
    """

    predictions: int
    before: int
    by_day: tuple[tuple[datetime, int], ...]
    coverage: float | None
    delay_seconds: float | None
    last_prediction_time: datetime | None


def read_data(store: Store, model: Model, period: Period) -> DataLine:
    """Return the data of a period, the prediction counts from rollups and the rest from what checks have measured."""
    counts = store.count_predictions(model.name, period.before_start, period.end, _DAY)
    days = (period.end - period.before_start) // _DAY
    by_day = tuple((day, counts.get(day, 0)) for day in (period.before_start + number * _DAY for number in range(days)))
    labels = read_results(store, model.name, "labels", period.start, period.end, chunk=CHUNK)

    def mean(name: str) -> float | None:
        return mean_of(result for result in labels if result.name == name)

    return DataLine(
        predictions=sum(count for day, count in by_day if day >= period.start),
        before=sum(count for day, count in by_day if day < period.start),
        by_day=by_day,
        coverage=mean("label_coverage"),
        delay_seconds=mean("label_delay_median_seconds"),
        last_prediction_time=store.last_prediction_time(model.name),
    )
