"""``eda``: look at all links in one report, and leave out those that nobody could learn to forecast.

1. At 5 minutes: traffic over time, histograms, boxes and correlations of every link; those whose traffic is a spike
   now and then are dropped.
2. By the hour: the same of those that are left; those without a distribution to speak of are dropped.

The report is one HTML file that asks no other host for anything; its pictures lie beside it as PNG, too. Every drop is
listed with its reason, and ``kept.csv`` has the links that are left.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.data_clean import Drop
from forecasting_jobs.link_traffic.eda_charts import box_chart, correlation_chart, histogram_chart, series_chart
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries, hourly, links_of
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.timeseries.series import Floats

BUSY_SHARE = 0.2
"""A link is sparse if less than this share of its 5 minutes carries more than a twentieth of its usual peak."""
LEAST_WIDTH = 0.1
"""A link is without distribution if the middle nine tenths of its hours are narrower than this part of the median."""
FEWEST_VALUES = 20
_PEAK, _BUSY = 0.99, 0.05
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}"
    "img{max-width:100%;height:auto}table{border-collapse:collapse;margin:1rem 0}"
    "th,td{border-bottom:1px solid #ccc;padding:.2rem .8rem;text-align:left}td.n{text-align:right}"
)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one step shows: the links, their pictures by name, figures, and which were dropped for what."""

    title: str
    links: Sequence[LinkSeries]
    pictures: Mapping[str, bytes]
    figures: pd.DataFrame
    drops: Sequence[Drop]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The looks in order, and the rows of the table whose links were kept."""

    looks: Sequence[Look]
    kept: pd.DataFrame

    @property
    def drops(self) -> list[Drop]:
        """Everything that was dropped, in order."""
        return [drop for look in self.looks for drop in look.drops]

    def pictures(self) -> dict[str, bytes]:
        """Return the pictures by the name of their file."""
        return {f"{name}.png": picture for look in self.looks for name, picture in look.pictures.items()}

    def html(self) -> str:
        """Return the report as one page, pictures included."""
        kept = self.kept[["link", "location"]].drop_duplicates()
        rows = "".join(f"<tr><td>{escape(d.what)}</td><td>{escape(d.reason)}</td></tr>" for d in self.drops)
        dropped = f"<table><tr><th>dropped</th><th>reason</th></tr>{rows}</table>" if rows else "<p>Nothing.</p>"
        body = "".join(_section(look) for look in self.looks)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Link traffic</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style></head>'
            f"<body><h1>Link traffic</h1><p>{len(kept)} links are kept.</p><h2>What was dropped</h2>{dropped}{body}"
            "</body></html>\n"
        )


def explore(table: pd.DataFrame) -> Report:
    """Return the report on a table of links; raise ``InvalidInput`` if no link is left."""
    links = links_of(table)
    looks = []
    if links[0].step < HOUR:
        looks.append(_look(f"Every {_minutes(links[0])} minutes", "5min", links, sparsity))
        links = _left(links, looks[-1].drops)
        links = [hourly(series) for series in links]
    looks.append(_look("By the hour", "hourly", links, lack_of_distribution))
    links = _left(links, looks[-1].drops)
    pairs = {series.pair for series in links}
    kept = table[[pair in pairs for pair in zip(table["link"], table["location"], strict=True)]]
    return Report(looks, kept)


def sparsity(series: LinkSeries) -> str | None:
    """Return why a link is too sparse to be forecast, or None."""
    received = series.values[np.isfinite(series.values[:, 0]), 0]
    peak = float(np.quantile(received, _PEAK))
    share = float((received > _BUSY * peak).mean()) if peak > 0 else 0.0
    if share >= BUSY_SHARE:
        return None
    slots = f"{share:.1%} of its {_minutes(series)} minutes"
    return f"sparse spikes: {slots} carry more than {_BUSY:.0%} of its peak of {peak:.3g} Gbit/s"


def lack_of_distribution(series: LinkSeries) -> str | None:
    """Return why the hours of a link have no distribution to speak of, or None."""
    received = series.values[np.isfinite(series.values[:, 0]), 0]
    distinct = len(np.unique(np.round(received, 6)))
    if distinct < FEWEST_VALUES:
        return f"no distribution: {distinct} distinct values by the hour"
    low, median, high = np.quantile(received, [0.05, 0.5, 0.95])
    width = (high - low) / median if median > 0 else np.inf
    if width >= LEAST_WIDTH:
        return None
    return f"no distribution: nine tenths of its hours lie within {width:.1%} of the median"


def correlations(links: Sequence[LinkSeries]) -> tuple[list[str], Floats]:
    """Return the names of links and directions, and the correlations over the times that two have in common."""
    columns = {}
    for series in links:
        for direction, name in enumerate(("rx", "tx")):
            label = f"{series.link} {series.location} {name}"
            columns[label] = pd.Series(series.values[:, direction], index=series.seconds())
    frame = pd.DataFrame(columns)
    frame = frame.loc[:, frame.nunique() > 1]  # what never moves correlates with nothing
    return [str(name) for name in frame], frame.corr().to_numpy(dtype=np.float64)


def _look(title: str, name: str, links: Sequence[LinkSeries], reason: Callable[[LinkSeries], str | None]) -> Look:
    if not links:
        raise InvalidInput("link: every link was dropped", [FieldError("link", "every link was dropped")])
    labels, found = correlations(links)
    pictures = {
        f"{name}-series": series_chart(links),
        f"{name}-histograms": histogram_chart(links),
        f"{name}-boxes": box_chart(links),
        f"{name}-correlations": correlation_chart(labels, found),
    }
    drops = [Drop(_whole(series), why) for series in links if (why := reason(series))]
    return Look(title, links, pictures, _figures(links), drops)


def _left(links: Sequence[LinkSeries], drops: Sequence[Drop]) -> list[LinkSeries]:
    dropped = {drop.what for drop in drops}
    left = [series for series in links if _whole(series) not in dropped]
    if not left:
        raise InvalidInput("link: every link was dropped", [FieldError("link", "every link was dropped")])
    return left


def _figures(links: Sequence[LinkSeries]) -> pd.DataFrame:
    rows = []
    for series in links:
        rx, tx = series.values.T
        rows.append(
            {
                "link": series.link,
                "location": series.location,
                "from": format_time(series.start_time),
                "slots": len(series),
                "missing": int(np.isnan(rx).sum()),
                "mean rx": float(np.nanmean(rx)),
                "sd rx": float(np.nanstd(rx)),
                "mean tx": float(np.nanmean(tx)),
                "sd tx": float(np.nanstd(tx)),
            }
        )
    return pd.DataFrame(rows)


def _section(look: Look) -> str:
    head = "".join(f"<th>{escape(str(column))}</th>" for column in look.figures)
    rows = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in look.figures.itertuples(index=False))
    pictures = "".join(
        f"<h3>{escape(name.partition('-')[2].capitalize())}</h3>"
        f'<img alt="{escape(name)}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for name, picture in look.pictures.items()
    )
    return f"<h2>{escape(look.title)}</h2><table><tr>{head}</tr>{rows}</table>{pictures}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.3f}</td>'
    return f'<td class="n">{value}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def _whole(series: LinkSeries) -> str:
    return f"link {series.link} at {series.location}"


def _minutes(series: LinkSeries) -> int:
    return int(series.step.total_seconds()) // 60
