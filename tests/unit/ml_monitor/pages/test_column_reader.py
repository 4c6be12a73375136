from __future__ import annotations

from datetime import datetime

import pytest

from ml_core.errors import InvalidInput, NotFound
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.pages.column_reader import ColumnPage, read_column_page
from ml_monitor.pages.drift_words import column_verdict, judging_words
from ml_monitor.pages.ranges import parse_range
from ml_monitor.pages.stories import plain_text
from tests.factories import NOON, a_model, a_version
from tests.unit.ml_monitor.pages.checked_results import (
    TODAY,
    a_distance,
    a_result,
    a_test,
    labels,
    numbers,
    put,
    put_profiles,
    put_reference,
    verdict,
)
from tests.unit.ml_monitor.telling import DAY

FAULTY = [value / 12 if value % 5 < 3 else value for value in range(1000)]


@pytest.fixture
def fraud(registry: Registry) -> Registry:
    """A model of whose column income 60 % were divided by 12 on the two newest of four days."""
    registry.add_model(a_model("fraud", task="binary"))
    version = a_version("fraud", artifact=None, features=(FeatureSpec("income", "number"), FeatureSpec("x", "number")))
    registry.store.add_version(version)
    registry.promote(registry.find("fraud"), 1)
    put_reference(registry.store, income=numbers(*range(1000)), country=labels("de", "de", "fr", None))
    for days_ago in (1, 2, 3, 4):
        is_bad = days_ago < 3
        put_profiles(
            registry.store,
            days_ago,
            income=numbers(*(FAULTY if is_bad else range(1000))),
            country=labels("de", "ch", None, None),
        )
        put(registry.store, a_test("income", 1e-9 if is_bad else 0.5, days_ago, "beyond" if is_bad else "ok"))
        put(registry.store, a_distance("income", 0.7 if is_bad else 0.1, days_ago))
    return registry


def page(
    registry: Registry, column: str = "income", at: datetime | None = None, method: str | None = None
) -> ColumnPage:
    return read_column_page(registry, "fraud", column, parse_range({}, NOON), NOON, at, method)


def said(found: ColumnPage) -> str:
    return plain_text(column_verdict(found))


def test_the_drifted_days_stand_together_beside_the_reference_on_one_scale(fraud: Registry) -> None:
    found = page(fraud)
    assert found.shares is not None
    assert (found.kind, found.drifted, found.since) == ("number", 2, TODAY - 2 * DAY)
    assert (found.shown_from, found.shown_to) == (TODAY - 2 * DAY, TODAY)
    assert (found.shares.reference_rows, found.shares.current_rows) == (1000, 2000)
    assert found.shares.is_histogram
    for each in ("reference", "current"):
        assert sum(getattr(bar, each) for bar in found.shares.bars) == pytest.approx(1.0)
    first = found.shares.bars[0]
    assert first.current > 0.2 > first.reference  # type: ignore[operator]
    assert found.shares.highest >= first.current
    assert said(found) == "`income` has drifted since 18 Nov: median 500 to 65.7; it drifted on 2 of 4 days."


def test_a_chosen_day_stands_alone(fraud: Registry) -> None:
    found = page(fraud, at=TODAY - 4 * DAY)
    assert found.shares is not None
    assert (found.is_chosen, found.at_time, found.shares.current_rows) == (True, TODAY - 4 * DAY, 1000)
    assert [bar.current for bar in found.shares.bars] == pytest.approx([bar.reference for bar in found.shares.bars])
    assert said(found) == "On 16 Nov `income` was as in the reference: median 500 to 500."
    assert said(page(fraud, at=TODAY - DAY)).startswith("On 19 Nov `income` had drifted: median 500 to 65.7")


def test_each_day_has_its_statistic_and_its_quantiles(fraud: Registry) -> None:
    found = page(fraud)
    assert found.methods == ("kolmogorov_smirnov", "jensen_shannon")
    assert found.method == "kolmogorov_smirnov"
    oldest, newest = found.chunks[0], found.chunks[-1]
    assert oldest.point is not None and newest.point is not None
    assert (oldest.middle, oldest.low, oldest.high) == (499.5, 49.95, 949.05)
    assert (newest.rows, newest.cell.state, newest.point.p_value, newest.point.upper) == (1000, "drifted", 1e-9, 0.05)
    assert newest.missing == 0.0
    assert found.change == Change("median", 499.5, pytest.approx(65.7, abs=0.1))


def test_another_method_can_be_chosen(fraud: Registry) -> None:
    found = page(fraud, method="jensen_shannon")
    assert [chunk.point and chunk.point.value for chunk in found.chunks] == [0.1, 0.1, 0.7, 0.7]
    with pytest.raises(InvalidInput, match="method: expected one of kolmogorov_smirnov, jensen_shannon"):
        page(fraud, method="psi")


def test_a_category_has_shares_by_label(fraud: Registry) -> None:
    put(fraud.store, a_result("drift", "chi_squared", 9.0, 1, "country", p_value=0.2))
    found = page(fraud, "country")
    assert (found.kind, found.labels) == ("category", ("de", "fr", "ch"))
    assert found.reference_shares == (pytest.approx(2 / 3), pytest.approx(1 / 3), 0.0)
    assert found.chunks[-1].shares == (0.5, 0.0, 0.5)
    assert found.chunks[-1].missing == 0.5
    assert found.shares is not None
    assert [(bar.label, bar.current) for bar in found.shares.bars] == [("de", 0.5), ("fr", 0.0), ("ch", 0.5)]
    assert (found.shares.reference_missing, found.shares.current_missing) == (0.25, 0.5)
    assert said(found) == "`country` is judged by no rule: share of ch 0 % to 50 %."


def test_a_column_that_is_well_again_says_when_it_was_not(fraud: Registry) -> None:
    put(fraud.store, a_test("x", 1e-9, 9, "beyond"), *(a_test("x", 0.5, days_ago) for days_ago in range(1, 9)))
    assert said(page(fraud, "x")) == "`x` is as in the reference again; it drifted on 1 of 9 days, last on 11 Nov."
    put(fraud.store, a_test("x", 0.9, 9))
    assert said(page(fraud, "x")) == "`x` is as in the reference: it drifted on none of 9 days."


def test_a_feature_that_no_check_has_seen_has_an_empty_page_and_a_stranger_none(fraud: Registry) -> None:
    found = page(fraud, "x")
    assert (found.chunks, found.shares, found.methods) == ((), None, ())
    assert said(found) == "No chunk of `x` has been measured in this range."
    with pytest.raises(NotFound, match="model 'fraud' has no column 'nope' that a check has seen"):
        page(fraud, "nope")


def test_what_a_client_named_is_read_whatever_it_holds(fraud: Registry) -> None:
    odd = "<b>a/b</b> & 'c'"
    put_profiles(fraud.store, 1, **{odd: numbers(1, 2)})
    put(fraud.store, a_test(odd, 0.5))
    assert len(page(fraud, odd).chunks) == 1


def test_it_says_why_a_day_is_judged_as_it_is(fraud: Registry) -> None:
    words = judging_words(page(fraud))
    assert words.startswith("Judged by default-drift: a chunk has drifted if its p-value, corrected for all columns")
    assert "and the value lies above 0.05" in words
    assert judging_words(page(fraud, method="jensen_shannon")).startswith("No rule judges this method")
    judged = {"by-hand": verdict("ok", lower=0.01, upper=0.2)}
    put(fraud.store, a_result("drift", "jensen_shannon", 0.1, 1, "x", verdicts=judged))
    assert judging_words(page(fraud, "x")) == (
        "Judged by by-hand: a chunk has drifted if the value lies above 0.2000 or below 0.0100."
    )
