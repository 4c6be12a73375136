"""A line of some thirty points in a cell of a table: enough to see when something fell. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from markupsafe import Markup

from ml_monitor.formatting import show_short
from ml_monitor.pages.overview_reader import Glance, TrendPoint

_WIDTH, _HEIGHT, _MARGIN = 112, 22, 3


@lru_cache(maxsize=512)
def trend_svg(metric: str, glance: Glance) -> Markup:
    """Return the metric over its chunks: a line where it is realised, a dashed one of estimates, a mark on bad chunks.

    Nothing for fewer than two values.
    """
    points = glance.trend
    values = [value for point in points if (value := _shown(point)) is not None]
    if len(values) < 2:
        return Markup("")
    low, high = min(values), max(values)
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(points) - 1)
    scale = (_HEIGHT - 2 * _MARGIN) / (high - low or 1.0)

    def place(number: int, value: float) -> str:
        return f"{_MARGIN + number * step:.1f} {_HEIGHT - _MARGIN - (value - low) * scale:.1f}"

    realised = _path(None if point.realised is None else place(n, point.realised) for n, point in enumerate(points))
    estimated = _path(
        None if point.estimated is None or not _is_by_estimate(points, n) else place(n, point.estimated)
        for n, point in enumerate(points)
    )
    marks = "".join(
        f'<circle cx="{spot[0]}" cy="{spot[1]}" r="2"/>'
        for n, point in enumerate(points)
        if point.is_beyond and (value := _shown(point)) is not None and (spot := place(n, value).split())
    )
    bad = sum(point.is_beyond for point in points)
    title = f"{metric} of {len(points)} chunks: {show_short(low)} to {show_short(high)}, {show_short(values[-1])} last"
    title += f", {bad} beyond the threshold" if bad else ""
    dashed = f'<path class="dashed" d="{estimated}"/>' if estimated else ""
    return Markup(
        f'<svg class="trend-line" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{Markup.escape(title)}</title>"
        f'<path d="{realised}"/>{dashed}{marks}</svg>'
    )


def _shown(point: TrendPoint) -> float | None:
    return point.estimated if point.realised is None else point.realised


def _is_by_estimate(points: Sequence[TrendPoint], number: int) -> bool:
    """Return whether the estimate is drawn: where nothing is realised, and at the ends of such a stretch."""
    around = points[max(0, number - 1) : number + 2]
    return any(point.realised is None for point in around)


def _path(places: Iterable[str | None]) -> str:
    """Return an SVG path through places, interrupted where there is none."""
    parts, is_on = [], False
    for each in places:
        if each is not None:
            parts.append(f"{'L' if is_on else 'M'}{each}")
        is_on = each is not None
    return "".join(parts)
