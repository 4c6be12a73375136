"""How tables and reports of link traffic are written: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from ml_core.errors import InvalidInput
from ml_core.files import replace_file


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, times in UTC; raise ``InvalidInput`` if the file cannot be written."""
    times = table["time"]
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        table = table.assign(time=times.dt.strftime("%Y-%m-%d %H:%M:%S"))
    write(path, table.to_csv(index=False).encode())


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write plain values as JSON; raise ``InvalidInput`` if the file cannot be written."""
    write(path, orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write(path: Path, content: bytes) -> None:
    """Write a file, and the folders to it; raise ``InvalidInput`` if that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from None
