from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_core.outbox.set_apart import RefusedRow, SetApart
from tests.factories import NOON


@pytest.fixture
def apart(tmp_path: Path) -> SetApart:
    return SetApart(tmp_path / "queue" / "refused.jsonl")


def a_row(number: int, **changes: Any) -> RefusedRow:
    values: dict[str, Any] = {
        "kind": "predictions",
        "model": "churn",
        "version": None,
        "item": {"prediction_id": f"order-{number}", "value": None, "features": {"age": 41}},
        "reason": "value: expected a finite number or a label (text)",
        "time": NOON,
    }
    return RefusedRow(**values | changes)


def test_rows_come_back_as_they_were(apart: SetApart) -> None:
    assert apart.read() == []
    assert apart.add([a_row(1), a_row(2)]) == 0
    assert apart.add([]) == 0
    assert apart.read() == [a_row(1), a_row(2)]


def test_a_row_that_was_refused_twice_is_shown_once(apart: SetApart) -> None:
    apart.add([a_row(1)])
    apart.add([a_row(1, reason="still")])
    assert apart.read() == [a_row(1)]


def test_taken_rows_are_kept_no_longer(apart: SetApart) -> None:
    assert apart.take() == []
    apart.add([a_row(1)])
    assert apart.take() == [a_row(1)]
    assert apart.read() == []


def test_what_a_killed_writer_left_is_cut_off(apart: SetApart) -> None:
    apart.add([a_row(1)])
    with apart.path.open("ab") as file:
        file.write(b'{"kind":"pred')
    apart.add([a_row(2)])
    assert apart.read() == [a_row(1), a_row(2)]


def test_beyond_its_bound_the_oldest_are_kept_and_the_others_counted(tmp_path: Path) -> None:
    apart = SetApart(tmp_path / "refused.jsonl", most_bytes=600)
    left_out = apart.add([a_row(number) for number in range(5)])
    kept = apart.read()
    assert kept == [a_row(number) for number in range(len(kept))]
    assert len(kept) + left_out == 5
    assert 0 < left_out < 5
