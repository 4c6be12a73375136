"""What to learn from, after a breach: several recipes are tried on the newest day, and the best of them is followed.

After a change of the world old weeks mislead, and before one they help; when it came, and whether it came at all, is
not assumed but tried. A recipe takes the whole history, or its newest weeks, or the whole with what is before the
likeliest change moved to the pattern since (``new_pattern``). All are tried as ridge regressions, which take no time;
the network is fitted by the best of them, and is taken if it is better still. What won is then fitted once more, with
the newest day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from forecasting_jobs.link_traffic.features import HORIZON
from forecasting_jobs.link_traffic.link_series import LinkSeries
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.new_pattern import change_time, moved
from forecasting_jobs.link_traffic.race import LAST_VALUE
from forecasting_jobs.link_traffic.train import Learnt, cut_off_of, fit_until, learn_until
from ml_core.clock import format_time
from ml_core.errors import InvalidInput

_RACED, _RACED_WINDOWS = timedelta(days=1), 100  # the race is as short as this allows: few links need longer
_WARY = 1.1  # what throws weeks away must be so much better: a day is little to go by
_NEWEST = tuple(timedelta(days=days) for days in (14, 7))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which part of a history is learnt from: what is from ``first`` on, or all, moved to the pattern since a time."""

    first: datetime | None = None
    changed: datetime | None = None

    def __str__(self) -> str:
        """Return it in words, for the lineage."""
        if self.changed is not None:
            return f"all, moved to the pattern since {format_time(self.changed)}"
        return "all" if self.first is None else f"what is since {format_time(self.first)}"

    def history(self, links: Sequence[LinkSeries], until: datetime) -> list[LinkSeries]:
        """Return what there is to learn from, and all from ``until`` on as it was."""
        if self.changed is not None:
            return [moved(series, self.changed, until) for series in links]
        return list(links) if self.first is None else [part for each in links if (part := _since(each, self.first))]


def learn_best(links: Sequence[LinkSeries], settings: NetworkSettings) -> tuple[Recipe, Learnt]:
    """Return the recipe that was best on the newest day and the network that it makes of all of ``links``.

    The race is that of the newest day, the same for all recipes, which the raced network had not seen. Raises
    ``InvalidInput`` if no recipe has enough to learn from.
    """
    cut_off, straight = cut_off_of(links, _race_of(links)), replace(settings, epochs=0)
    tried: dict[Recipe, Learnt] = {}
    refused = InvalidInput("nothing is known of any link")
    for recipe in _recipes(links, cut_off):
        if history := recipe.history(links, cut_off):
            try:
                tried[recipe] = learn_until(history, straight, cut_off)
            except InvalidInput as error:
                refused = error
    if not tried:
        raise refused
    best = min(tried, key=lambda recipe: tried[recipe].race.ratio(LAST_VALUE) * (1 if recipe.first is None else _WARY))
    network = learn_until(best.history(links, cut_off), settings, cut_off)
    winner, won = settings, network
    if tried[best].race.ratio(LAST_VALUE) <= network.race.ratio(LAST_VALUE):
        winner, won = straight, tried[best]
    until = max(series.time_at(len(series)) for series in links)
    return best, replace(won, fitted=fit_until(best.history(links, until), winner, until), cut_off=until)


def _recipes(links: Sequence[LinkSeries], cut_off: datetime) -> Iterator[Recipe]:
    yield Recipe()
    yield from (Recipe(first=cut_off - length) for length in _NEWEST)
    changed = change_time(links, cut_off)
    if changed is not None:
        yield Recipe(changed=changed)


def _race_of(links: Sequence[LinkSeries]) -> timedelta:
    """Return how long recipes are raced: a day, or as long as it takes to have windows enough of so many links."""
    steps = -(-_RACED_WINDOWS // len(links)) + HORIZON
    return max(_RACED, steps * links[0].step)


def _since(series: LinkSeries, first: datetime) -> LinkSeries | None:
    """Return a series from a time on; None if nothing is left of it."""
    begin = max(series.index_at(first), 0)
    return (
        replace(series, start_time=series.time_at(begin), values=series.values[begin:]) if begin < len(series) else None
    )
