"""Pictures for mails and reports, as PNG. Matplotlib is loaded when the first one is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# Told apart also by the colour-blind (Okabe and Ito, 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_LIMIT = "#a31515"
_REFERENCE = "#b5b5b5"


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time, None where there is none; ``errors`` are standard errors, drawn as bars of two of them."""

    label: str
    times: Sequence[datetime]
    values: Sequence[float | None]
    errors: Sequence[float | None] | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that should not be crossed: one value, or one for each time of the first line."""

    label: str
    value: float | Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment to point at."""

    label: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Shares:
    """How two samples are spread, as shares that each sum to 1: over bins by their edges, or over labels."""

    places: tuple[float, ...] | tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


def plain_text(text: str, characters: int = 100) -> str:
    """Return a text of clients fit for a picture: on one line, cut, and without what matplotlib reads as maths."""
    line = " ".join(text.split())
    cut = line if len(line) <= characters else f"{line[: characters - 1]}…"
    return cut.replace("$", r"\$")


def time_chart(
    title: str,
    y_label: str,
    lines: Sequence[Line],
    *,
    limits: Sequence[Limit] = (),
    marks: Sequence[Mark] = (),
    from_zero: bool = False,
) -> bytes:
    """Return a PNG of lines over time (UTC), about 900 x 360 pixels; ``from_zero`` for counts, which are never less."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line, colour in zip(lines, _COLOURS * (len(lines) // len(_COLOURS) + 1), strict=False):
        style = "--" if line.dashed else "-"
        axes.plot(
            date2num(line.times), _numbers(line.values), style, color=colour, marker="o", markersize=3, label=line.label
        )
        if line.errors is not None:
            bars = [0.0 if error is None else 2 * error for error in line.errors]
            axes.errorbar(date2num(line.times), _numbers(line.values), yerr=bars, fmt="none", ecolor=colour, alpha=0.4)
    for limit in limits:
        if isinstance(limit.value, (int, float)):
            axes.axhline(limit.value, color=_LIMIT, linestyle=":", label=limit.label)
        else:
            axes.plot(date2num(lines[0].times), _numbers(limit.value), color=_LIMIT, linestyle=":", label=limit.label)
    for mark in marks:
        axes.axvline(date2num(mark.time), color="#555555", linewidth=0.8)
        axes.annotate(mark.label, (date2num(mark.time), 1.0), xycoords=("data", "axes fraction"), fontsize=8)
    locator = AutoDateLocator(tz="UTC")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))
    axes.set_title(title, loc="left")
    axes.set_ylabel(y_label)
    axes.set_xlabel("UTC")
    axes.grid(alpha=0.3)
    if from_zero:
        axes.set_ylim(bottom=0)
    if len(lines) + len(limits) > 1:
        axes.legend(fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def shares_chart(title: str, shares: Shares) -> bytes:
    """Return a PNG of two distributions on one scale, about 360 x 180 pixels; the reference is the grey one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 1.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    reference, current = ([100 * share for share in part] for part in (shares.reference, shares.current))
    if shares.places and isinstance(shares.places[0], str):
        rows = range(len(shares.places))
        axes.barh([row - 0.2 for row in rows], reference, 0.4, color=_REFERENCE, label="reference")
        axes.barh([row + 0.2 for row in rows], current, 0.4, color=_COLOURS[0], label="now")
        axes.set_yticks(list(rows), [plain_text(str(place), 24) for place in shares.places])
        axes.invert_yaxis()
        axes.set_xlabel("%", fontsize=7)
    else:
        edges = [float(place) for place in shares.places]
        axes.stairs(reference, edges, fill=True, color=_REFERENCE, label="reference")
        axes.stairs(current, edges, color=_COLOURS[0], linewidth=1.5, label="now")
        axes.set_ylabel("%", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.set_title(title, loc="left", fontsize=8)
    axes.legend(fontsize=7)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]
