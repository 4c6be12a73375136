"""The pictures of the client scripts, as PNG, from what the engine answers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from cloudwatch_engine.wire import uncentred
from ml_core.clock import parse_time
from ml_core.plots import Line, time_chart

_BARS = ("#0072b2", "#d55e00")
_SCORES = (("mean_absolute_error", "MAE (%)"), ("mean_absolute_percentage_error", "MAPE (%)"))


def draw_scores(title: str, models: Sequence[Mapping[str, Any]]) -> bytes:
    """Return bars of MAE and MAPE by model, the best first; a model without scores is left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tried = [model for model in models if model["scores"] is not None]
    figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (score, label), colour in zip(figure.subplots(1, len(_SCORES)), _SCORES, _BARS, strict=True):
        names = [f"{model['label']} *" if model.get("is_served") else model["label"] for model in tried]
        values = [model["scores"].get(score, float("nan")) for model in tried]
        bars = axes.barh(names, values, color=colour)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_title(label, loc="left")
    figure.suptitle(title, x=0.01, ha="left")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def draw_comparison(title: str, answer: Mapping[str, Any]) -> bytes:
    """Return a chart of what came and what had been said, from the old ``true`` and ``predict``."""
    times = [parse_time(time) for time in answer["recent"]["valid_times"]]
    lines = [Line("true", times, uncentred(answer["true"])), Line("predicted", times, uncentred(answer["predict"]))]
    return time_chart(title, "%", lines)
