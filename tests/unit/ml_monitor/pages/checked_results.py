"""Results as checks write them, in one line, for tests of the pages that show them."""

from __future__ import annotations

from typing import Any

from ml_core.store.base import Store
from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.profiles.outcomes import Outcomes
from ml_monitor.monitoring.profiles.profile import Profile, profile_of
from ml_monitor.monitoring.results import Number
from ml_monitor.results.profile_store import ReferenceProfiles, keep_reference, profile_points
from ml_monitor.results.results_store import Group, Result, point_of
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY

TODAY = NOON.replace(hour=0)
NO_OUTCOMES = Outcomes()


def verdict(state: str, lower: float | None = None, upper: float | None = None) -> dict[str, Any]:
    """Return what a rule says of a result."""
    return {"state": state, "lower": lower, "upper": upper, "origin": "learnt", "reason": ""}


def a_result(group: Group, name: str, value: Number, days_ago: int = 1, column: str = "", **more: Any) -> Result:
    """Return a result of the day so many days ago."""
    start = TODAY - days_ago * DAY
    chunk, segment = more.pop("chunk", "day"), more.pop("segment", "")
    return Result(chunk, group, name, column, segment, start, start + DAY, 400, value, **more)


def a_test(column: str, p_value: float, days_ago: int = 1, state: str = "ok", **more: Any) -> Result:
    """Return what the default test says of a column of numbers."""
    verdicts = {"default-drift": verdict(state, upper=0.05)}
    return a_result("drift", "kolmogorov_smirnov", 0.1, days_ago, column, p_value=p_value, verdicts=verdicts, **more)


def a_distance(column: str, value: float, days_ago: int = 1) -> Result:
    """Return the default distance of a column, which no rule judges."""
    return a_result("drift", "jensen_shannon", value, days_ago, column)


def put(store: Store, *results: Result, model: str = "fraud") -> None:
    """Store results as a check does."""
    store.put_metric_points([point_of(model, result) for result in results])


def numbers(*values: float | None) -> Profile:
    """Return the profile of a column of numbers."""
    return profile_of(number_column(list(values)))


def labels(*values: str | None) -> Profile:
    """Return the profile of a column of categories."""
    return profile_of(category_column(list(values)))


def put_profiles(
    store: Store, days_ago: int = 1, outcomes: Outcomes = NO_OUTCOMES, model: str = "fraud", **columns: Profile
) -> None:
    """Store how columns looked on the day so many days ago."""
    start = TODAY - days_ago * DAY
    store.put_metric_points(profile_points(model, start, start + DAY, columns, outcomes))


def put_reference(
    store: Store,
    outcomes: Outcomes = NO_OUTCOMES,
    performance: dict[str, float] | None = None,
    model: str = "fraud",
    **columns: Profile,
) -> None:
    """Store how columns looked on the reference of version 1."""
    keep_reference(store, model, ReferenceProfiles(1, "0" * 64, columns, outcomes, performance or {}))
