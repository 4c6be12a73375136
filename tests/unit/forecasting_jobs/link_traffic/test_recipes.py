"""What is learnt from after a change: the recipe that was best on the newest day, which is then learnt too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from forecasting_jobs.link_traffic.features import examples_of
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries, links_of
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.race import LAST_VALUE
from forecasting_jobs.link_traffic.recipes import Recipe, learn_best
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.train import fit_until
from ml_core.errors import InvalidInput
from tests.factories import NOON
from tests.unit.forecasting_jobs.link_traffic.conftest import FEW

DAY = timedelta(days=1)
STRAIGHT = NetworkSettings(units=2, hidden=(2,), epochs=0)  # the ridge regression alone


def links_with(change: datetime | None, until: datetime = NOON) -> list[LinkSeries]:
    table = SimulatedLinks(change_time=change).traffic(NOON - 35 * DAY, until)
    return [series for series in links_of(table) if series.pair in FEW]


def test_a_recipe_says_what_it_takes() -> None:
    assert str(Recipe()) == "all"
    assert str(Recipe(first=NOON)) == "what is since 2026-11-20T12:00:00Z"
    assert str(Recipe(changed=NOON)) == "all, moved to the pattern since 2026-11-20T12:00:00Z"


def test_the_newest_part_of_a_history_leaves_out_links_that_ended_before_it() -> None:
    links = links_with(None)
    ended = replace(links[0], values=links[0].values[: 10 * 24])
    parts = Recipe(first=NOON - 7 * DAY).history([ended, *links[1:]], NOON)
    assert [part.pair for part in parts] == [series.pair for series in links[1:]]
    assert {part.start_time for part in parts} == {NOON - 7 * DAY}
    for part, series in zip(parts, links[1:], strict=True):
        assert np.array_equal(part.values, series.values[28 * 24 :], equal_nan=True)


@pytest.mark.deep
def test_five_days_after_a_change_the_days_before_are_moved_to_it_and_the_error_is_near_that_without_one() -> None:
    change, later = (NOON - 5 * DAY).replace(hour=0), NOON + 10 * DAY
    recipe, learnt = learn_best(links_with(change), STRAIGHT)
    assert recipe.changed is not None and abs(recipe.changed - change) <= DAY / 4
    plain = fit_until(links_with(change), STRAIGHT, NOON).trained.served()
    at_home = fit_until(links_with(None), STRAIGHT, NOON).trained.served()

    def error(network: object, change: datetime | None) -> float:
        examples = examples_of(links_with(change, later), network.spec).since(NOON)  # type: ignore[attr-defined]
        said = network.forecast(examples.windows, examples.pairs, examples.seconds)  # type: ignore[attr-defined]
        return float(np.sqrt(np.mean((said - examples.truths) ** 2)))

    best = error(learnt.fitted.trained.served(), change)
    assert best < error(plain, change)
    assert best < 1.25 * error(at_home, None)


@pytest.mark.deep
def test_what_won_is_fitted_once_more_with_the_newest_day_on_which_it_was_raced() -> None:
    links = links_with(None)
    recipe, learnt = learn_best(links, STRAIGHT)
    assert learnt.cut_off == NOON
    assert learnt.race.examples.seconds.min() == int((NOON - (26 + 6) * HOUR).timestamp())
    again = fit_until(recipe.history(links, NOON), STRAIGHT, NOON)
    assert learnt.fitted.examples == again.examples
    weights = [fitted.trained.served().weights["straight.0"] for fitted in (learnt.fitted, again)]
    assert weights[0].tolist() == weights[1].tolist()
    assert learnt.race.ratio(LAST_VALUE) < 1


@pytest.mark.deep
def test_a_history_that_no_recipe_can_learn_from_is_refused() -> None:
    short = [replace(series, values=series.values[:40]) for series in links_with(None)]
    with pytest.raises(InvalidInput, match="bring a longer history"):
        learn_best(short, STRAIGHT)
