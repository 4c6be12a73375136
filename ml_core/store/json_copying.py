"""What copying reads from and writes to the embedded store: whole segments, a line at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ml_core.clock import parse_time
from ml_core.records import GroundTruth, Prediction
from ml_core.store.deciding import fit_ids
from ml_core.store.json_records import truth_segment
from ml_core.store.json_segments import each_row
from ml_core.store.json_views import list_segments


def each_prediction(records: Path, model: str) -> Iterator[Prediction]:
    """Yield the predictions of a model, day by day."""
    for path in list_segments(records / "predictions" / model, "????-??-??.jsonl"):
        for row in each_row(path):
            yield Prediction(**{**row, "time": parse_time(row["time"])})


def truth_history(records: Path, model: str, prediction_ids: Collection[str] | None) -> Iterator[GroundTruth]:
    """Yield the truths of a model, segment by segment: all values of one id lie in the same one."""
    folder = records / "ground_truths" / model
    if prediction_ids is None:
        wanted, paths = None, list_segments(folder)
    else:
        wanted = set(fit_ids(prediction_ids))
        paths = [folder / name for name in sorted({truth_segment(each) for each in wanted})]
    for path in paths:
        by_id: dict[str, list[dict[str, Any]]] = {}
        for row in each_row(path):
            if wanted is None or row["prediction_id"] in wanted:
                by_id.setdefault(row["prediction_id"], []).append(row)
        for rows in by_id.values():
            for place, row in enumerate(rows):
                yield GroundTruth(row["prediction_id"], row["value"], parse_time(row["received_time"]), place > 0)
