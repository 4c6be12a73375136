"""The pictures of the report on links, as PNG: a panel a link, or all links in one. Matplotlib is loaded when drawn."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.plots import plain_text
from ml_core.timeseries.series import Floats

_RX, _TX = "#0072b2", "#d55e00"  # told apart also by the colour-blind (Okabe and Ito, 2008)
_COLUMNS = 3
_BINS = 40


def series_chart(links: Sequence[LinkSeries]) -> bytes:
    """Return a panel a link of its traffic over time, received and sent; gaps stay open."""

    def draw(axes: Any, series: LinkSeries) -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        times = series.seconds().astype("datetime64[s]")
        for direction, colour, label in ((0, _RX, "received"), (1, _TX, "sent")):
            axes.plot(times, series.values[:, direction], color=colour, linewidth=0.6, label=label)
        locator = AutoDateLocator(tz="UTC", minticks=3, maxticks=8)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))
        axes.set_ylabel("Gbit/s", fontsize=7)

    return _panels(links, draw)


def histogram_chart(links: Sequence[LinkSeries]) -> bytes:
    """Return a panel a link of how often it carried how much."""

    def draw(axes: Any, series: LinkSeries) -> None:
        for direction, colour, label in ((0, _RX, "received"), (1, _TX, "sent")):
            axes.hist(_known(series)[:, direction], bins=_BINS, color=colour, alpha=0.6, label=label)
        axes.set_xlabel("Gbit/s", fontsize=7)

    return _panels(links, draw)


def box_chart(links: Sequence[LinkSeries]) -> bytes:
    """Return boxes of all links: quartiles, whiskers at 1.5 times their distance, and what lies beyond."""
    figure = _figure(11, 1.2 + 0.34 * len(links))
    axes = figure.add_subplot()
    for direction, colour, off in ((0, _RX, -0.17), (1, _TX, 0.17)):
        boxes = axes.boxplot(
            [_known(series)[:, direction] for series in links],
            positions=np.arange(len(links)) + off,
            widths=0.3,
            orientation="horizontal",
            patch_artist=True,
            flierprops={"markersize": 1.5, "markeredgecolor": colour},
            manage_ticks=False,
        )
        for box in boxes["boxes"]:
            box.set_facecolor(colour)
    axes.set_yticks(range(len(links)), [_name(series) for series in links], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("Gbit/s, received above and sent below", fontsize=8)
    axes.grid(alpha=0.3)
    return _png(figure)


def correlation_chart(names: Sequence[str], correlations: Floats) -> bytes:
    """Return the correlations of all with all as a field of colours, numbers in it where there is room."""
    size = 3.0 + 0.3 * len(names)
    figure = _figure(size + 1, size)
    axes = figure.add_subplot()
    image = axes.imshow(correlations, vmin=-1, vmax=1, cmap="RdBu_r")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    for row, values in enumerate(correlations):
        for column, value in enumerate(values):
            if np.isfinite(value):
                dark = abs(value) > 0.6
                axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=5, color="w" if dark else "k")
    figure.colorbar(image, ax=axes, shrink=0.7)
    return _png(figure)


def _panels(links: Sequence[LinkSeries], draw: Callable[[Any, LinkSeries], None]) -> bytes:
    rows = -(-len(links) // _COLUMNS)
    figure = _figure(4 * _COLUMNS, 1.7 * rows + 0.3)
    for number, series in enumerate(links, start=1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        draw(axes, series)
        axes.set_title(_name(series), loc="left", fontsize=8)
        axes.tick_params(labelsize=6)
        axes.grid(alpha=0.3)
        if number == 1:
            axes.legend(fontsize=6)
    return _png(figure)


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _name(series: LinkSeries) -> str:
    return plain_text(f"{series.link} {series.location}", 40)


def _known(series: LinkSeries) -> Floats:
    return series.values[np.isfinite(series.values).all(axis=1)]
