from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.records import Feature, Value
from ml_monitor.formatting import (
    label_of,
    short_id,
    shorten,
    show_age,
    show_duration,
    show_feature,
    show_number,
    show_share,
    show_start,
    show_time,
)
from tests.factories import NOON


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.9164502014350224, "0.9165"),
        (10119734875.65352, "10,119,734,876"),
        (81331.22699573744, "81,331"),
        (2.220446049250313e-16, "2.22e-16"),
        (0.0, "0"),
        (1, "1"),
        (-12.3456, "-12.35"),
        (1e300, "1.00e+300"),
        (10**16, "1.000e+16"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_is_rounded_for_the_eye(value: float, shown: str) -> None:
    assert show_number(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0.0 %"), (0.0004, "under 0.1 %"), (0.0825, "8.2 %"), (1.0, "100.0 %")]
)
def test_a_share_is_shown_as_percent(share: float, shown: str) -> None:
    assert show_share(share) == shown


def test_a_time_names_its_year_only_if_it_is_another() -> None:
    assert show_time(NOON, NOON) == "20 Nov 12:00"
    assert show_time(NOON, NOON, seconds=True) == "20 Nov 12:00:00"
    assert show_time(NOON - timedelta(days=365), NOON) == "20 Nov 2025 12:00"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(30, "30 s"), (600, "10 min"), (5_400, "1.5 h"), (86_400, "1 day"), (266_000, "3.1 days")]
)
def test_a_duration_has_its_largest_fitting_unit(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-60, "just now"), (59, "just now"), (100, "1 min ago"), (7_200, "2 h ago")]
)
def test_an_age_is_counted_in_whole_minutes(seconds: float, shown: str) -> None:
    assert show_age(NOON - timedelta(seconds=seconds), NOON) == shown


@pytest.mark.parametrize(("value", "label"), [(1.0, "1"), (-0.5, "-0.5"), ("fraud", "fraud"), (1e300, "1e+300")])
def test_a_value_names_its_class(value: Value, label: str) -> None:
    assert label_of(value) == label


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "true"), (3, "3"), (2.5, "2.5"), ("a", "a"), ("x" * 300, "x" * 199 + "…")],
)
def test_a_feature_is_shown_as_json_has_it(value: Feature, shown: str) -> None:
    assert show_feature(value) == shown


def test_long_texts_are_cut_and_short_ones_are_not() -> None:
    assert shorten("short") == "short"
    assert len(shorten("long " * 100)) == 40
    assert short_id("order-1") == "order-1"
    assert short_id("01a1fa7f-8a5b-78c9-8667-744ece687dde") == "…4ece687dde"


def test_a_chunk_that_starts_with_the_day_is_named_by_the_day() -> None:
    assert show_start(NOON.replace(hour=0), NOON) == "20 Nov"
    assert show_start(NOON.replace(hour=10), NOON) == "20 Nov 10:00"
    assert show_start(NOON.replace(year=2025, hour=0), NOON) == "20 Nov 2025"
