from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ml_core.errors import InvalidInput, ModelNotFound
from ml_core.registry import Registry
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.drift_reader import MOST_CHUNKS, DriftPage, read_drift_page
from ml_monitor.pages.drift_words import drift_verdict
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


@pytest.fixture
def fraud(registry: Registry) -> Registry:
    """A model with a champion whose reference is known to no check yet."""
    registry.add_model(a_model("fraud", task="binary"))
    registry.store.add_version(a_version("fraud", artifact=None))
    registry.promote(registry.find("fraud"), 1)
    return registry


def page(registry: Registry, at: datetime | None = None, **arguments: str) -> DriftPage:
    return read_drift_page(registry, "fraud", parse_range(arguments, NOON), NOON, at)


def said(found: DriftPage) -> str:
    return plain_text(drift_verdict(found))


def test_without_a_check_nothing_is_known(fraud: Registry) -> None:
    found = page(fraud)
    assert (found.is_checked, found.start_times, found.at_time, found.rows) == (False, (), None, ())
    assert said(found) == "Nothing is known about drift: no check has run yet."
    with pytest.raises(ModelNotFound):
        read_drift_page(fraud, "nope", parse_range({}, NOON), NOON, None)


def test_the_columns_that_lie_furthest_on_the_newest_day_come_first(fraud: Registry) -> None:
    put(
        fraud.store,
        *(a_test("calm", 0.9, 2), a_test("calm", 0.8, 1), a_distance("calm", 0.3, 1)),
        *(a_test("was", 1e-9, 2, "beyond"), a_test("was", 0.4, 1), a_distance("was", 0.1, 1)),
        *(a_test("new", 0.3, 2), a_test("new", 1e-5, 1, "beyond"), a_distance("new", 0.2, 1)),
        *(a_test("always", 1e-4, 2, "beyond"), a_test("always", 1e-4, 1, "beyond"), a_distance("always", 0.6, 1)),
    )
    found = page(fraud)
    assert [row.column for row in found.rows] == ["always", "new", "calm", "was"]
    assert found.start_times == (TODAY - 2 * DAY, TODAY - DAY)
    assert found.at_time == TODAY - DAY
    assert [[cell.state for cell in row.cells] for row in found.rows[:2]] == [["drifted", "drifted"], ["ok", "drifted"]]
    assert [(row.drifted, row.since) for row in found.rows] == [
        (2, TODAY - 2 * DAY),
        (1, TODAY - DAY),
        (0, None),
        (1, TODAY - 2 * DAY),  # of two days one is enough: it may come back
    ]
    assert (found.rows[0].at.distance, found.rows[0].at.p_value) == (0.6, 1e-4)


def test_another_day_ranks_the_columns_by_itself(fraud: Registry) -> None:
    put(
        fraud.store,
        *(a_test("early", 1e-9, 3, "beyond"), a_test("early", 0.4, 2), a_test("early", 0.4, 1)),
        *(a_test("late", 0.4, 3), a_test("late", 0.3, 2), a_test("late", 1e-5, 1, "beyond")),
    )
    assert page(fraud).rows[0].column == "late"
    at = page(fraud, TODAY - 3 * DAY + timedelta(hours=5))
    assert (at.rows[0].column, at.at_time) == ("early", TODAY - 3 * DAY)
    with pytest.raises(InvalidInput, match="at: expected a time within a chunk that a check has seen"):
        page(fraud, TODAY)


def test_a_day_before_the_range_moves_the_range(fraud: Registry) -> None:
    put(fraud.store, a_test("amount", 0.5, 80), a_test("amount", 0.5, 1))
    assert page(fraud).start_times == (TODAY - DAY,)
    assert page(fraud, TODAY - 80 * DAY).start_times == (TODAY - 80 * DAY,)


def test_a_cell_says_why_there_is_no_verdict(fraud: Registry) -> None:
    put(
        fraud.store,
        a_result("drift", "chi_squared", Undefined("all missing"), 1, "country"),
        a_result("drift", "kolmogorov_smirnov", 0.3, 1, "score", p_value=1e-9),
        a_test("amount", 0.2, 2),
        a_result("drift", "jensen_shannon", 0.9, 1, "text"),
    )
    cells = {row.column: [(cell.state, cell.undefined) for cell in row.cells] for row in page(fraud).rows}
    assert cells == {
        "country": [("none", None), ("undefined", "all missing")],
        "score": [("none", None), ("not judged", None)],
        "amount": [("ok", None), ("none", None)],
        "text": [("none", None), ("not judged", None)],
    }


def test_a_rule_on_the_distance_alone_makes_a_column_drift(fraud: Registry) -> None:
    judged = {"by-distance": verdict("beyond", upper=0.1)}
    put(fraud.store, a_test("amount", 0.5), a_result("drift", "jensen_shannon", 0.2, 1, "amount", verdicts=judged))
    assert page(fraud).rows[0].at.state == "drifted"


def test_each_column_says_how_it_had_changed_on_the_chosen_day(fraud: Registry) -> None:
    put_reference(fraud.store, income=numbers(*range(100)), country=labels("de", "de", "fr", "fr"))
    for days_ago, factor in ((1, 0.1), (2, 1.0)):
        income = numbers(*(value * factor for value in range(100)))
        put_profiles(fraud.store, days_ago, income=income, country=labels("de"))
        put(fraud.store, a_test("income", 1e-9, days_ago, "beyond"), a_distance("income", 0.7, days_ago))
    put(fraud.store, a_test("country", 1e-9, 1, "beyond"))
    changes = {row.column: row.change for row in page(fraud).rows}
    assert changes["income"] == Change("median", pytest.approx(49.5), pytest.approx(4.95))
    assert changes["country"] == Change("share", 0.5, 0.0, "fr")
    before = {row.column: row.change for row in page(fraud, TODAY - 2 * DAY).rows}
    assert before["income"] == Change("median", pytest.approx(49.5), pytest.approx(49.5))


def test_the_verdict_names_the_worst_and_counts_the_rest(fraud: Registry) -> None:
    put_reference(fraud.store, c0=numbers(*range(100)))
    put_profiles(fraud.store, 1, c0=numbers(*(value / 10 for value in range(100))))
    for number in range(5):
        put(fraud.store, a_test(f"c{number}", 1e-9, 1, "beyond"), a_distance(f"c{number}", 0.9 - number / 10))
    put(fraud.store, a_test("calm", 0.5), a_test("value", 0.5))
    assert said(page(fraud)) == (
        "`c0` drifted (median 49.5 to 4.95, since 19 Nov); `c1` drifted (since 19 Nov); `c2` drifted (since 19 Nov); "
        "2 more drifted. 2 of 7 columns are as before."
    )


def test_the_verdict_of_a_calm_day_says_whether_others_were(fraud: Registry) -> None:
    put(fraud.store, a_test("a", 0.5, 1), a_test("b", 0.5, 1))
    assert said(page(fraud)) == "None of 2 columns drifted on 19 Nov."
    put(fraud.store, a_test("a", 1e-9, 5, "beyond"))
    assert said(page(fraud)) == "None of 2 columns drifted on 19 Nov; 1 column did on other days of this range."


def test_what_no_rule_judges_is_said_so(fraud: Registry) -> None:
    put(fraud.store, a_distance("a", 0.5))
    assert said(page(fraud)) == "No column could be judged on 19 Nov."


def test_methods_of_all_columns_stand_beside(fraud: Registry) -> None:
    put(fraud.store, a_test("a", 0.5, 2), a_test("a", 0.5, 1), a_result("drift", "pca_reconstruction", 1.2, 1))
    (whole,) = page(fraud).wholes
    assert whole.method == "pca_reconstruction"
    assert [point and point.value for point in whole.points] == [None, 1.2]


def test_the_map_is_bounded(fraud: Registry) -> None:
    put(fraud.store, *(a_test("amount", 0.5, days_ago) for days_ago in range(1, 100)))
    found = page(fraud, **{"from": "2026-01-01T00:00:00Z", "to": "2026-11-20T00:00:00Z"})
    assert len(found.start_times) == len(found.rows[0].cells) == MOST_CHUNKS
    assert found.start_times[-1] == TODAY - DAY
