"""The report on links: what is dropped and why, pictures that are pictures, and a page that asks nobody."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest

from forecasting_jobs.link_traffic.eda import Report, correlations, explore, lack_of_distribution, sparsity
from forecasting_jobs.link_traffic.link_series import FIVE_MINUTES, HOUR, LinkSeries, table_of
from ml_core.errors import InvalidInput
from tests.factories import NOON

SLOTS = 12 * 48


def a_link(name: str, received: np.ndarray, step: timedelta = FIVE_MINUTES) -> LinkSeries:
    return LinkSeries(name, "US-DC4", NOON, step, np.stack([received, 0.5 * received], axis=1))


def busy() -> np.ndarray:
    return 5 + 3 * np.sin(np.arange(SLOTS) * 2 * np.pi / 288) + np.random.default_rng(1).normal(scale=0.2, size=SLOTS)


def spikes() -> np.ndarray:
    return np.where(np.arange(SLOTS) % 40 == 0, 9.0, 0.001)


def steady() -> np.ndarray:
    return 2.5 + 0.01 * np.random.default_rng(2).uniform(size=SLOTS)


@pytest.fixture(scope="module")
def report() -> Report:
    links = [a_link("<b>Busy</b>", busy()), a_link("Spikes", spikes()), a_link("Steady", steady())]
    return explore(table_of(links))


def test_sparse_links_go_first_and_then_those_without_distribution(report: Report) -> None:
    assert [look.title for look in report.looks] == ["Every 5 minutes", "By the hour"]
    first, second = report.looks
    assert [drop.what for drop in first.drops] == ["link Spikes at US-DC4"]
    assert first.drops[0].reason.startswith("sparse spikes: 2.6% of its 5 minutes carry more than 5% of its peak")
    assert [series.link for series in second.links] == ["<b>Busy</b>", "Steady"]
    assert [drop.what for drop in second.drops] == ["link Steady at US-DC4"]
    assert "nine tenths of its hours lie within" in second.drops[0].reason
    assert set(report.kept["link"]) == {"<b>Busy</b>"}


def test_each_step_has_series_histograms_boxes_and_correlations_as_png(report: Report) -> None:
    kinds = ("series", "histograms", "boxes", "correlations")
    assert set(report.pictures()) == {f"{step}-{kind}.png" for step in ("5min", "hourly") for kind in kinds}
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5000 for picture in report.pictures().values())


def test_the_page_holds_its_pictures_lists_every_drop_and_asks_no_other_host(report: Report) -> None:
    page = report.html()
    assert page.count('src="data:image/png;base64,') == 8
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "http" not in page.replace("http-equiv", "")
    for drop in report.drops:
        assert f"<td>{drop.what}</td><td>{drop.reason}</td>" in page
    assert "<b>Busy" not in page and "&lt;b&gt;Busy" in page


def test_a_table_of_hours_is_looked_at_by_the_hour_alone() -> None:
    links = [a_link("Busy", busy()[:100], HOUR), a_link("Few", np.arange(100.0) % 5, HOUR)]
    looked = explore(table_of(links))
    assert [look.title for look in looked.looks] == ["By the hour"]
    assert [drop.reason for drop in looked.drops] == ["no distribution: 5 distinct values by the hour"]


def test_if_no_link_is_left_it_says_so() -> None:
    with pytest.raises(InvalidInput, match="every link was dropped"):
        explore(table_of([a_link("Spikes", spikes())]))


def test_a_link_is_judged_by_what_was_measured_alone() -> None:
    gaps = np.where(np.arange(SLOTS) % 3 == 0, np.nan, busy())
    assert sparsity(a_link("Gaps", gaps)) is None
    assert lack_of_distribution(a_link("Gaps", gaps, HOUR)) is None


def test_correlations_are_over_the_times_that_two_have_in_common() -> None:
    one, other = busy(), busy()
    one[:100], other[-100:] = np.nan, np.nan
    names, found = correlations([a_link("A", one), a_link("B", -other), a_link("C", np.full(SLOTS, 2.0))])
    assert names == ["A US-DC4 rx", "A US-DC4 tx", "B US-DC4 rx", "B US-DC4 tx"]
    assert found[0, 2] == pytest.approx(-1) and found[0, 1] == pytest.approx(1)
