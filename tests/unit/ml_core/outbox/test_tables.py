from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from ml_core.errors import InvalidInput
from ml_core.outbox.tables import plain, read_columns, read_ids, read_name, read_times, read_truths, read_values


def as_json(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))


def test_a_frame_gives_its_columns_with_missing_values_as_null() -> None:
    frame = pd.DataFrame(
        {
            "age": [41, 29],
            "income": [1.5, np.nan],
            "country": pd.Categorical(["PT", None]),
            "sold": pd.array([True, None], dtype="boolean"),
            "since": pd.to_datetime(["2026-11-20T12:00:00Z", None]),
        }
    )
    columns, rows = read_columns(frame)
    assert rows == 2
    assert as_json(columns) == {
        "age": [41, 29],
        "income": [1.5, None],
        "country": ["PT", None],
        "sold": [True, None],
        "since": ["2026-11-20T12:00:00+00:00", None],
    }


@pytest.mark.parametrize("form", [np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], csr_matrix([[1, 2], [3, 4]])])
def test_rows_without_names_are_numbered(form: Any) -> None:
    columns, rows = read_columns(form)
    assert (as_json(columns), rows) == ({"x0": [1, 3], "x1": [2, 4]}, 2)


def test_rows_without_names_take_those_that_are_given() -> None:
    assert as_json(read_columns(np.array([[1.0, 2.0]], dtype=np.float32), ["a", "b"])[0]) == {"a": [1.0], "b": [2.0]}


def test_dicts_are_rows_and_what_one_lacks_is_missing() -> None:
    assert read_columns([{"a": 1, "b": "x"}, {"a": 2.5}]) == ({"a": [1, 2.5], "b": ["x", None]}, 2)
    assert read_columns({"a": 1}) == ({"a": [1]}, 1)


def test_rows_that_mix_numbers_and_texts_keep_both() -> None:
    assert read_columns([[1, "x"], [2, "y"]])[0] == {"x0": [1, 2], "x1": ["x", "y"]}


def test_texts_are_one_column() -> None:
    assert read_columns(["good", "bad"]) == ({"x0": ["good", "bad"]}, 2)


@pytest.mark.parametrize(
    ("features", "names", "field"),
    [
        ([1.0, 2.0], None, "features"),
        (7, None, "features"),
        ([[1, 2], [3]], None, "features"),
        ([{"a": 1}, 2], None, "features"),
        (np.zeros((2, 3)), ["a"], "feature_names"),
        (csr_matrix((1, 5000)), None, "features"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "features"),
    ],
)
def test_what_is_no_table_is_refused_with_the_argument(features: Any, names: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: expected"):
        read_columns(features, names)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (np.bool_(True), True),
        (np.int64(3), 3),
        (2**70, str(2**70)),
        (float("inf"), None),
        (Decimal("1.5"), 1.5),
        (pd.NA, None),
        (pd.NaT, None),
        (datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20T00:00:00+00:00"),
        ("\ud800", "?"),
        (b"x", "b'x'"),
    ],
)
def test_any_value_becomes_one_that_json_holds(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    orjson.dumps(plain(value))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([True, False]), [1, 0]),
        ([True, "no"], [1, "no"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (np.array([[1.5], [2.5]]), [1.5, 2.5]),
        ([1.0, None], [1.0, None]),
    ],
)
def test_values_are_numbers_or_labels(values: Any, expected: list[Any]) -> None:
    assert as_json(read_values("values", values, 2)) == expected


def test_values_that_do_not_fit_the_rows_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^scores: expected one value for each of 3 rows"):
        read_values("scores", [1, 2], 3)
    assert as_json(read_values("values", 4, 1)) == [4]


def test_times_carry_an_offset() -> None:
    times = pd.to_datetime(["2026-11-20T12:00:00+01:00"])
    assert read_times(times, 1) == ["2026-11-20T11:00:00Z"]
    assert read_times("2026-11-20T12:00:00Z", 2) == ["2026-11-20T12:00:00Z"] * 2
    for wrong in (["2026-11-20T12:00:00"], [datetime(2026, 11, 20)], ["noon"], [17]):
        with pytest.raises(InvalidInput, match=r"^times: expected aware times"):
            read_times(wrong, 1)
    with pytest.raises(InvalidInput, match=r"^times: expected one for each of 2 rows, not 1"):
        read_times(["2026-11-20T12:00:00Z"], 2)


def test_ids_are_texts_of_a_length_that_the_monitor_takes() -> None:
    assert read_ids(pd.Series([17, 18])) == ["17", "18"]
    for wrong in ("", "x" * 256):
        with pytest.raises(InvalidInput, match=r"^ids: expected"):
            read_ids([wrong])


def test_a_name_is_one_that_a_model_may_have() -> None:
    assert read_name("churn") == "churn"
    with pytest.raises(InvalidInput, match=r"^model: expected 1 to 64 letters"):
        read_name("no name")


@pytest.mark.parametrize(
    "form", [{"a": 1, "b": 0}, pd.DataFrame({"prediction_id": ["a", "b"], "value": [1, 0], "more": [0, 0]})]
)
def test_truths_come_as_a_dict_or_a_frame(form: Any) -> None:
    ids, values = read_truths(form, None)
    assert (ids, list(values)) == (["a", "b"], [1, 0])


def test_truths_come_as_ids_with_values() -> None:
    assert read_truths("a", 1) == (["a"], 1)
    with pytest.raises(InvalidInput, match=r"^values: "):
        read_truths(["a"], None)
    with pytest.raises(InvalidInput, match=r"^truths: .*prediction_id"):
        read_truths(pd.DataFrame({"value": [1]}), None)
