"""Which texts of a table are numbers."""

from __future__ import annotations

import pytest

from ml_monitor.uploads.csv_numbers import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0.0), ("-0.5", -0.5), ("+3", 3.0), ("3.", 3.0), (".5", 0.5), ("1E-3", 0.001), ("0.10", 0.1), ("0e5", 0.0)],
)
def test_decimal_notation_is_a_number(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "007",
        "-01",
        "00",
        "nan",
        "NA",
        "inf",
        "1e400",
        "1_000",
        "1,5",
        "0x1",
        "1e",
        ".",
        "-",
        "٣",
        "1\n",
    ],
)
def test_anything_else_is_a_text(text: str) -> None:
    assert read_number(text) is None
