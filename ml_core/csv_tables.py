"""Reads a user's CSV file strictly: what is wrong is told by file, column and row, and nothing is guessed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ml_core.errors import FieldError, InvalidInput

_SHOWN_CHARACTERS = 40


class InvalidTable(InvalidInput):
    """A CSV file does not hold what is expected; the message names file, column and row (1 is the first data row)."""

    code = "invalid_table"


def read_table(path: Path, numbers: Sequence[str], *, binary: str | None = None, least_rows: int = 10) -> pd.DataFrame:
    """Return the table with the columns ``numbers`` as float64, and every other column of the file as text.

    ``binary`` names the one among them that may hold only 0 and 1, and must hold both at least twice. Raises
    ``InvalidTable``.
    """
    table = read_text_table(path)
    for column in numbers:
        if column not in table.columns:
            found = ", ".join(str(name) for name in table.columns[:20])
            raise invalid_table(path, f"column {column!r} is missing; found {found}", column)
    if len(table) < least_rows:
        raise invalid_table(path, f"{len(table)} data rows; at least {least_rows} are needed")
    for column in numbers:
        table[column] = _to_numbers(path, column, table[column])
    if binary is not None:
        _check_binary(path, binary, table[binary])
    return table


def read_number_table(path: Path, *, least_rows: int = 10) -> pd.DataFrame:
    """Return a table of which every column holds numbers, as float64; raise ``InvalidTable``."""
    header = read_text_table(path).columns
    if any(not str(name).strip() or str(name).startswith("Unnamed: ") for name in header):
        raise invalid_table(path, "a column has no name; the first line must name all of them")
    return read_table(path, [str(name) for name in header], least_rows=least_rows)


def table_sha256(table: pd.DataFrame) -> str:
    """Return a hash of a table's content, for the lineage of what is trained on it."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def read_text_table(path: Path) -> pd.DataFrame:
    """Return a table with every cell as text; raise ``InvalidTable`` for what is not a table."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas warns where a row is longer than the header, and shifts the columns
            table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
            return table.fillna("")  # the cells that a row is too short for
    except OSError as error:
        raise invalid_table(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise invalid_table(path, "is not UTF-8 text") from None
    except pd.errors.EmptyDataError:
        raise invalid_table(path, "is empty; expected a header and rows") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise invalid_table(path, f"is not a table: {' '.join(str(error).split())}") from None


def _to_numbers(path: Path, column: str, texts: pd.Series[str]) -> pd.Series[float]:
    values = pd.to_numeric(texts.str.strip(), errors="coerce").astype("float64")
    wrong = np.flatnonzero(~np.isfinite(values.to_numpy()))
    if len(wrong):
        raise wrong_cell(path, column, int(wrong[0]), texts.iloc[int(wrong[0])], "a finite number")
    return values


def _check_binary(path: Path, column: str, values: pd.Series[float]) -> None:
    wrong = np.flatnonzero(~values.isin([0.0, 1.0]).to_numpy())
    if len(wrong):
        row = int(wrong[0])
        raise invalid_table(
            path, f"column {column!r}, row {row + 1}: expected 0 or 1, not {values.iloc[row]:g}", column
        )
    for label in (0, 1):
        if int((values == label).sum()) < 2:
            raise invalid_table(
                path, f"column {column!r}: fewer than two rows of class {label}; both are needed", column
            )


def invalid_table(path: Path, message: str, column: str | None = None) -> InvalidTable:
    """Return the error that tells what is wrong in a file, to be raised."""
    return InvalidTable(f"{path}: {message}", [FieldError(column or "file", message)])


def wrong_cell(path: Path, column: str, row: int, text: str, expected: str) -> InvalidTable:
    """Return the error that tells which cell is wrong, to be raised; ``row`` counts data rows from 0."""
    shown = repr(text[:_SHOWN_CHARACTERS]) if text.strip() else "nothing"
    return invalid_table(path, f"column {column!r}, row {row + 1}: expected {expected}, not {shown}", column)
