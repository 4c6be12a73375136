"""The numbers of a chart as CSV, unrounded, for those who want to go on with them elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields

from ml_core.clock import format_time
from ml_monitor.distribution import Distribution, NumberDistribution, Quantiles, QuantileWindow, ShareWindow
from ml_monitor.traffic import Volume, WindowCount

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def volume_csv(volume: Volume) -> str:
    """Return the number of predictions per window."""
    rows = [(*_times(window), window.count) for window in volume.windows]
    return _write(("start", "end", "predictions"), rows)


def distribution_csv(shown: Distribution | None) -> str:
    """Return quantiles, or the share of each label, per window that holds predictions; the header alone for None."""
    if shown is None:
        return _write(("start", "end", "predictions"), ())
    if isinstance(shown, NumberDistribution):
        names = [field.name for field in fields(Quantiles)]
        rows = [(*_times(window), window.count, *astuple(window.quantiles)) for window in shown.windows]
    else:
        names = [_plain(label) for label in shown.labels]
        rows = [(*_times(window), window.count, *window.shares) for window in shown.windows]
    return _write(("start", "end", "predictions", *names), rows)


def _times(window: WindowCount | QuantileWindow | ShareWindow) -> tuple[str, str]:
    return format_time(window.start), format_time(window.end)


def _plain(label: str) -> str:
    """Return a label that no spreadsheet takes for a formula: labels come from clients."""
    return f"'{label}" if label.startswith(_FORMULA_STARTS) else label


def _write(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
