"""``GET /history``: how each model's scores have gone from training to training."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.models import label_of
from cloudwatch_engine.names import model_name
from ml_core.clock import format_time
from ml_core.records import MetricPoint

LOSS, MAE, MAPE = "trial/weighted_quantile_loss", "trial/mean_absolute_error", "trial/mean_absolute_percentage_error"
_OLD_NAMES = {"loss": LOSS, "mean_absolute_error": MAE, "mean_absolute_percentage_error": MAPE}
_BACK = timedelta(days=365)


def trial_points(
    instance: str, trained: datetime, period: timedelta, scores: dict[str, dict[str, float]]
) -> list[MetricPoint]:
    """Return the scores of a trial as metric points: a segment a forecaster, at the time of the training.

    Not at its cut-off, which two trainings on the same points share.
    """
    return [
        MetricPoint(
            model=model_name(instance),
            metric=f"trial/{metric}",
            start_time=trained,
            end_time=trained + period,
            count=1,
            total=value,
            total_of_squares=value * value,
            segment=name,
        )
        for name, found in scores.items()
        for metric, value in found.items()
    ]


def read_history(engine: Engine, instance: str, name: str) -> dict[str, Any]:
    """Return the scores of one forecaster by training, oldest first, under the old names, with the times beside.

    ``loss`` is the weighted quantile loss, ``mean_absolute_error`` in percent of CPU, and
    ``mean_absolute_percentage_error`` in percent. A score that a training did not have is null.
    """
    now = engine.clock.now()
    columns = {
        old: engine.store.metric_series(model_name(instance), metric, now - _BACK, now + _BACK, segment=name)
        for old, metric in _OLD_NAMES.items()
    }
    by_time = {
        old: dict(zip(frame["start_time"], frame["mean"].astype(float), strict=True)) for old, frame in columns.items()
    }
    times = sorted(set().union(*by_time.values()))
    return {
        **{old: [values.get(time) for time in times] for old, values in by_time.items()},
        "instance": instance,
        "model": name,
        "label": label_of(name),
        "trained_times": [format_time(time.to_pydatetime()) for time in times],
    }
