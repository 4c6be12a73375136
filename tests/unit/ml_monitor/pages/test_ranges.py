from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.pages.ranges import MOST_WINDOWS, SPANS, TimeRange, aligned, parse_range
from tests.factories import NOON

LATE = NOON + timedelta(minutes=7, seconds=11)


@pytest.mark.parametrize("name", SPANS)
def test_a_span_reaches_from_its_first_moment_to_now_in_windows_enough_to_draw(name: str) -> None:
    found = parse_range({"range": name}, LATE)
    windows = found.windows()
    assert 100 <= len(windows) <= MOST_WINDOWS
    assert windows[0].start <= LATE - SPANS[name] < windows[0].end
    assert windows[-1].start <= LATE < windows[-1].end
    assert {window.end - window.start for window in windows} == {timedelta(seconds=found.window_seconds)}
    assert all(aligned(window.start, found.window_seconds) == window.start for window in windows)


def test_a_day_is_the_default() -> None:
    assert parse_range({}, LATE) == parse_range({"range": "24h"}, LATE)


def test_two_times_are_taken_as_they_are_and_cut_the_outer_windows() -> None:
    found = parse_range({"from": "2026-11-20T03:07:00Z", "to": "2026-11-20T12:33:30+01:00"}, NOON)
    windows = found.windows()
    assert (found.start.isoformat(), found.end.isoformat()) == (
        "2026-11-20T03:07:00+00:00",
        "2026-11-20T11:33:30+00:00",
    )
    assert found.name is None
    assert windows[0].start == found.start and windows[-1].end == found.end
    assert all(one.end == next.start for one, next in pairwise(windows))
    assert len(windows) <= MOST_WINDOWS


@pytest.mark.parametrize("span", [timedelta(microseconds=1), timedelta(seconds=170), timedelta(days=365 * 56)])
def test_any_two_times_fit_on_a_chart(span: timedelta) -> None:
    end = NOON + timedelta(microseconds=3)
    texts = {"from": (end - span).isoformat(), "to": end.isoformat()}
    assert 1 <= len(parse_range(texts, NOON).windows()) <= MOST_WINDOWS


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"range": "1y"}, ["range"]),
        ({"range": ""}, ["range"]),
        ({"range": "1h", "from": "2026-11-20T03:00:00Z"}, ["range"]),
        ({"from": "2026-11-20T03:00:00Z"}, ["to"]),
        ({"to": "2026-11-20T03:00:00Z"}, ["from"]),
        ({"from": "yesterday", "to": "2026-11-20"}, ["from", "to"]),
        ({"from": "2026-11-20T04:00:00Z", "to": "2026-11-20T03:00:00Z"}, ["to"]),
        ({"from": "2026-11-20T04:00:00Z", "to": "2026-11-20T04:00:00Z"}, ["to"]),
        ({"from": "1969-12-31T23:59:59Z", "to": "9999-01-01T00:00:00Z"}, ["from", "to"]),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-14:00"}, ["from", "to"]),
    ],
)
def test_a_wrong_range_is_refused_by_the_name_of_its_field(arguments: dict[str, str], fields: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_range(arguments, NOON)
    assert [detail.field for detail in refused.value.details] == fields


@pytest.mark.parametrize(
    ("predictions", "seconds"), [(100_000, 600), (7_200, 600), (1_200, 3_600), (3, 7_200), (0, 7_200)]
)
def test_fewer_predictions_get_larger_windows_but_never_fewer_than_a_dozen(predictions: int, seconds: int) -> None:
    day = TimeRange(NOON - timedelta(days=1), NOON, 600)
    assert day.coarser_window(predictions, 50) == seconds


def test_the_shortest_range_keeps_its_window() -> None:
    assert TimeRange(NOON, NOON + timedelta(seconds=5), 1).coarser_window(1, 50) == 1
