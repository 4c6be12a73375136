from __future__ import annotations

import pytest

from ml_monitor.monitoring.profiles.beside import common_scale
from ml_monitor.pages.shares import SharesShown, shares_shown
from tests.unit.ml_monitor.pages.checked_results import labels, numbers

REFERENCE = numbers(*range(0, 1000, 2))


def shown() -> SharesShown:
    now = [numbers(*range(500)), numbers(*range(100, 400), None)]
    return shares_shown(common_scale((REFERENCE, *now)), REFERENCE, now)


def test_bins_are_named_by_their_ends_and_the_outer_ones_are_open() -> None:
    bars = shown().bars
    assert bars[0].label.startswith("under ")
    assert bars[-1].label.endswith(" and more")
    assert bars[1].label == f"{bars[0].label.removeprefix('under ')} to {bars[2].label.split(' to ')[0]}"


def test_ticks_stand_at_the_edges_of_bins() -> None:
    found = shown()
    assert 3 <= len(found.ticks) <= 7
    for place, label in found.ticks:
        assert (place * len(found.bars)) % 1 == pytest.approx(0.0)
        assert label in {bar.label.split(" to ")[0].removeprefix("under ") for bar in found.bars} | {
            bar.label.split(" to ")[-1] for bar in found.bars
        }


def test_rows_and_what_is_missing_are_counted_together() -> None:
    found = shown()
    assert (found.reference_rows, found.current_rows) == (500, 801)
    assert found.current_missing == pytest.approx(1 / 801)


def test_the_axis_ends_at_a_round_share_above_all() -> None:
    found = shown()
    most = max(max(bar.current, bar.reference or 0.0) for bar in found.bars)
    assert most <= found.highest < 3 * most


def test_without_a_reference_there_is_nothing_to_compare_with() -> None:
    now = labels("a", "b")
    found = shares_shown(common_scale((now,)), None, [now])
    assert [(bar.label, bar.reference, bar.current) for bar in found.bars] == [("a", None, 0.5), ("b", None, 0.5)]
    assert (found.is_histogram, found.ticks, found.reference_missing) == (False, (), None)
