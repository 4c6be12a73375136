"""``python -m cloudwatch_engine backtest``: what would have been served at past times, for every CSV below a folder."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import pandas as pd

from ml_core.commands import plain_errors
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.catalogue import NAMED, all_forecasters, light_forecasters
from ml_core.forecasters.rolling import Rolled, roll, usual_issues
from ml_core.timeseries.series import Series, regular_series

FREQUENCIES = {"5min": (timedelta(minutes=5), 12), "1h": (timedelta(hours=1), 2)}
"""By name: the step, and the stride between issue times in steps."""
COLUMNS = (
    "series",
    "issue_time",
    "valid_time",
    "mean",
    "lower_80",
    "upper_80",
    "lower_95",
    "upper_95",
    "p_cross",
    "model",
)
LIMIT_SHARE, LIMIT_QUANTILE = 0.70, 0.99
_TIME = "%Y-%m-%d %H:%M:%S"


@click.command()
@click.option(
    "--input", "folder", type=click.Path(path_type=Path), required=True, help="Folder with timestamp,value CSVs."
)
@click.option("--frequency", type=click.Choice(sorted(FREQUENCIES)), required=True, help="The distance of the values.")
@click.option("--steps", type=click.IntRange(1, 2016), required=True, help="How many steps to forecast.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The CSV to write.")
@click.option("--issue-times", type=click.Path(path_type=Path), help="CSV (series,issue_time): just those.")
@click.option("--all-models", is_flag=True, help="ARIMA, LSTM and TCN in the race too, which takes many times as long.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all that is drawn.")
def backtest(
    folder: Path, frequency: str, steps: int, output: Path, issue_times: Path | None, all_models: bool, seed: int
) -> None:
    """Forecast every CSV below a folder at its past issue times, each as of its time, and write all to one CSV.

    Issue times are every 12 steps (5 minutes) or 2 (hourly) from 45 % of a series on, or those of --issue-times.
    """
    with plain_errors(), _one_thread():
        step, stride = FREQUENCIES[frequency]
        files = _files(folder)
        asked = None if issue_times is None else _asked(issue_times, files)
        make = all_forecasters if all_models else light_forecasters
        seconds: dict[str, float] = {}
        began = time.process_time()
        unfinished = output.with_name(f".{output.name}.unfinished")
        try:
            with unfinished.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for number, (name, path) in enumerate(files.items(), start=1):
                    history = read_series(path, step)
                    issues = usual_issues(len(history), stride)
                    if asked is not None:
                        issues = _indices(history, name, asked.get(name, []))
                    if not len(issues):
                        continue
                    click.echo(f"{number} of {len(files)}: {name}, {len(issues)} issue times", err=True)
                    rolled = roll(history, issues, lambda: make(steps, seed), stride=stride, limit=limit_of(history))
                    writer.writerows(_rows(name, history, rolled))
                    for model, spent in rolled.seconds.items():
                        seconds[model] = seconds.get(model, 0.0) + spent
            unfinished.replace(output)
        except OSError as error:
            raise InvalidInput(f"output: cannot write {output}: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        _tell(seconds, time.process_time() - began)


def read_series(path: Path, step: timedelta) -> Series:
    """Return the series of a CSV with the columns ``timestamp`` (UTC where no zone is named) and ``value``.

    Raises ``InvalidInput`` that names the file.
    """
    try:
        frame = pd.read_csv(path)
        if missing := {"timestamp", "value"} - set(frame.columns):
            raise ValueError(
                f"expected the columns timestamp and value; there is no {' and no '.join(sorted(missing))}"
            )
        times = pd.to_datetime(frame["timestamp"], utc=True)
        return regular_series(times, pd.to_numeric(frame["value"]), step)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error.message}", error.details) from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path.name}: {error}", [FieldError("input", "not a series")]) from error


def limit_of(history: Series) -> float:
    """Return the limit whose crossing ``p_cross`` speaks of: the 99th percentile of the first 70 % of the series."""
    first = history.values[: max(int(LIMIT_SHARE * len(history)), 1)]
    known = first[np.isfinite(first)]
    return float(np.quantile(known if len(known) else history.values[np.isfinite(history.values)], LIMIT_QUANTILE))


def _files(folder: Path) -> dict[str, Path]:
    paths = sorted(folder.rglob("*.csv"))
    if not paths:
        raise InvalidInput(f"input: there is no CSV below {folder}", [FieldError("input", "has no CSV")])
    files = {path.stem: path for path in paths}
    if len(files) < len(paths):
        raise InvalidInput("input: expected different names, since a series is called as its file is")
    return files


def _asked(path: Path, files: Mapping[str, Path]) -> dict[str, list[datetime]]:
    try:
        frame = pd.read_csv(path, dtype={"series": str})
        names, times = frame["series"].tolist(), pd.to_datetime(frame["issue_time"], utc=True)
    except KeyError as error:
        raise InvalidInput(f"issue_times: {path.name} has no column {error}") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"issue_times: {path.name}: {error}") from error
    asked: dict[str, list[datetime]] = {}
    for name, moment in zip(names, times, strict=True):
        if name not in files:
            raise InvalidInput(f"issue_times: no file is called {name}.csv")
        asked.setdefault(name, []).append(moment.to_pydatetime())
    return asked


def _indices(history: Series, name: str, times: list[datetime]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    for moment in times:
        if not history.start_time <= moment <= history.end_time:
            shown = moment.astimezone(UTC).strftime(_TIME)
            raise InvalidInput(f"issue_times: {shown} lies outside the series {name}")
    return np.array(sorted({history.index_at(moment) for moment in times}), dtype=np.int64)


def _rows(name: str, history: Series, rolled: Rolled) -> Iterator[list[object]]:
    for row, issue in enumerate(rolled.issues):
        issued = history.time_at(int(issue)).strftime(_TIME)
        for step, (low_95, low_80, mean, up_80, up_95) in enumerate(rolled.quantiles[row].tolist(), start=1):
            valid = history.time_at(int(issue) + step).strftime(_TIME)
            chance = float(rolled.chance[row])
            yield [name, issued, valid, mean, low_80, up_80, low_95, up_95, chance, rolled.models[row]]


def _tell(seconds: Mapping[str, float], total: float) -> None:
    named = {kind.name for kind in NAMED}
    apart = sum(spent for name, spent in seconds.items() if name in named)
    shown = ", ".join(f"{name} {spent:.1f}" for name, spent in sorted(seconds.items(), key=lambda item: -item[1]))
    click.echo(f"processor seconds: {total - apart:.1f} without ARIMA, LSTM and TCN ({shown})", err=True)
    sys.stderr.flush()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread: its matrices are small, and more would only wait for each other."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
