"""Erasing by id in the embedded store: whole segments are rewritten under their folder's lock.

What is served goes last, so that work which was broken off finds its ids again when it is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from ml_core.records import MODEL_NAME
from ml_core.store.companions import DELAYED, MADE, shadows_among, tracked_ids, tracked_name
from ml_core.store.deciding import fit_ids
from ml_core.store.erasure import Erasure, erasure
from ml_core.store.json_folders import folder_of
from ml_core.store.json_records import OTHER_IDS, truth_segment
from ml_core.store.json_segments import rewrite_segment, segment_lock
from ml_core.store.json_summaries import forget_changed
from ml_core.store.json_views import list_segments

_Row = dict[str, Any]


def erase(records: Path, model: str, prediction_ids: Collection[str]) -> Erasure:
    """Remove predictions with all that belongs to them, by id."""
    wanted = set(fit_ids(prediction_ids))
    if not wanted or not MODEL_NAME.fullmatch(model):
        return Erasure()
    tracked = _erase_tracked(folder_of(records / "metric_points", tracked_name(model)), wanted)
    names = sorted(path.name for path in (records / "predictions").glob("*"))
    shadows = [_erase_predictions(records / "predictions" / name, wanted) for name in shadows_among(names, model)]
    truths = _erase_truths(records / "ground_truths" / model, wanted)
    served = _erase_predictions(records / "predictions" / model, wanted)
    return erasure(wanted, served, truths, shadows, tracked)


def _erase_predictions(folder: Path, wanted: Collection[str]) -> set[str]:
    """Remove predictions of one folder; return those of the ids that were there."""

    def is_wanted(row: _Row) -> bool:
        return row["prediction_id"] in wanted

    if not folder.exists():
        return set()
    with segment_lock(folder):
        gone = _take_out([path for path in list_segments(folder) if path.name != OTHER_IDS], is_wanted)
        _take_out([folder / OTHER_IDS], is_wanted)  # last: till then the rows could still be found
        forget_changed(folder)
    return {row["prediction_id"] for row in gone}


def _erase_truths(folder: Path, wanted: Collection[str]) -> set[str]:
    """Remove truths with their history; return those of the ids that had one."""
    if not folder.exists():
        return set()
    segments = {truth_segment(prediction_id) for prediction_id in wanted}
    with segment_lock(folder):
        paths = [path for path in list_segments(folder) if path.name in segments]
        return {row["prediction_id"] for row in _take_out(paths, lambda row: row["prediction_id"] in wanted)}


def _erase_tracked(folder: Path, wanted: Collection[str]) -> list[str]:
    """Remove what was tracked of predictions; return the id under which each line lay."""
    if not folder.exists():
        return []
    segments = {each for prediction_id in wanted for each in tracked_ids(prediction_id)}
    with segment_lock(folder):
        gone = _take_out(
            list_segments(folder), lambda row: row["metric"] in (MADE, DELAYED) and row["segment"] in segments
        )
    return [row["segment"] for row in gone]


def _take_out(paths: Iterable[Path], is_wanted: Callable[[_Row], bool]) -> list[_Row]:
    """Take rows out of segments for good; return them."""
    gone: list[_Row] = []

    def keep(row: _Row) -> bool:
        if is_wanted(row):
            gone.append(row)
            return False
        return True

    for path in paths:
        rewrite_segment(path, keep)
    return gone
