from __future__ import annotations

from typing import Any

import numpy as np

from ml_core.lines import decode_line, encode_line
from ml_core.outbox.batches import ROWS_PER_LINE, Addressee, Batch, read_line

TO = Addressee("predictions", "churn", 3, "binary")


def a_batch(rows: int, **changes: Any) -> Batch:
    values: dict[str, Any] = {
        "to": TO,
        "rows": rows,
        "ids": "batch",
        "columns": {"time": "2026-11-20T12:00:00Z", "value": np.arange(rows)},
        "features": {"age": np.arange(rows) + 0.5},
    }
    return Batch(**values | changes)


def through_a_line(batch: Batch) -> Batch:
    line = decode_line(encode_line(batch.line())[:-1])
    assert line is not None
    return read_line(line)


def test_the_rows_of_a_line_are_as_the_monitor_takes_them() -> None:
    assert through_a_line(a_batch(2)).items() == [
        {"prediction_id": "batch-0", "time": "2026-11-20T12:00:00Z", "value": 0, "features": {"age": 0.5}},
        {"prediction_id": "batch-1", "time": "2026-11-20T12:00:00Z", "value": 1, "features": {"age": 1.5}},
    ]
    assert through_a_line(a_batch(2)).to == TO


def test_a_single_row_has_the_id_of_its_batch() -> None:
    assert a_batch(1).row_ids() == ["batch"]


def test_rows_keep_their_own_ids_and_may_have_no_features() -> None:
    batch = through_a_line(a_batch(2, ids=["a", "b"], features={}))
    assert [row["prediction_id"] for row in batch.items()] == ["a", "b"]
    assert [row["features"] for row in batch.items()] == [{}, {}]


def test_true_values_have_no_features() -> None:
    to = Addressee("ground_truths", "churn")
    batch = Batch(to, 2, ["a", "b"], {"value": [1, 0], "correct": False}, {})
    assert through_a_line(batch).items()[1] == {"prediction_id": "b", "value": 0, "correct": False}


def test_a_large_batch_is_cut_and_its_ids_count_on() -> None:
    rows = 2 * ROWS_PER_LINE + 1
    batch = a_batch(rows)
    pieces = [through_a_line(piece) for piece in batch.pieces()]
    assert [piece.rows for piece in pieces] == [ROWS_PER_LINE, ROWS_PER_LINE, 1]
    items = [item for piece in pieces for item in piece.items()]
    assert [item["prediction_id"] for item in items] == batch.row_ids()
    assert [item["value"] for item in items] == list(range(rows))
    assert len(set(batch.row_ids())) == rows
