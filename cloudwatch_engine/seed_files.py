"""The files of the first system, kept up to date under ``var/cloudwatch/`` for whatever reads them.

``data.csv`` has its header and a row a time at which any of the four metrics is known (an empty cell where one is not),
``predictions.json`` the newest ``prediction``, and ``results.json`` the ``history`` of scores. Those of the first
instance with news lie in the folder itself, those of the others in a folder named after the instance.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import orjson
import pandas as pd

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.history import read_history
from cloudwatch_engine.names import METRICS, Metric, series_name
from cloudwatch_engine.predictions import read_predictions
from ml_core.files import file_trouble, replace_file

HEADER: dict[Metric, str] = {
    "NetworkIn": "AWS/EC2 NetworkIn",
    "NetworkOut": "AWS/EC2 NetworkOut",
    "MemoryUtilization": "System/Linux MemoryUtilization",
    "CPUUtilization": "AWS/EC2 CPUUtilization",
}
DATA, PREDICTIONS, RESULTS = "data.csv", "predictions.json", "results.json"


def write_data(engine: Engine, instance: str) -> None:
    """Write ``data.csv``; raise ``StoreUnavailable`` if it cannot be written."""
    now = engine.clock.now()
    start = now - timedelta(days=engine.section.history_days)
    columns = {}
    for metric in METRICS:
        frame = engine.store.observations(series_name(instance, metric), start, now + engine.period)
        columns[metric] = pd.Series(frame["value"].to_numpy(), index=pd.DatetimeIndex(frame["time"]))
    table = pd.DataFrame(columns).sort_index()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["Timestamps", *HEADER.values()])
    for time, row in zip(table.index, table[list(HEADER)].itertuples(index=False), strict=True):
        writer.writerow([time.isoformat(sep=" "), *("" if pd.isna(value) else value for value in row)])
    _write(engine, instance, DATA, file.getvalue().encode())


def write_answers(engine: Engine, instance: str) -> None:
    """Write ``predictions.json`` and ``results.json``; raise ``NoForecastYet`` and ``StoreUnavailable``."""
    prediction = read_predictions(engine, instance)["prediction"]
    _write(engine, instance, PREDICTIONS, orjson.dumps({"prediction": prediction}, option=orjson.OPT_INDENT_2))
    history = read_history(engine, instance, engine.config.MODEL.lower())
    old = {name: history[name] for name in ("loss", "mean_absolute_error", "mean_absolute_percentage_error")}
    _write(engine, instance, RESULTS, orjson.dumps({"history": old}, option=orjson.OPT_INDENT_2))


def file_of(engine: Engine, instance: str, name: str) -> Path:
    """Return where a file of an instance lies."""
    is_first = (engine.active_instances() or engine.instances())[:1] == [instance]
    return engine.folder / name if is_first else engine.folder / instance / name


def _write(engine: Engine, instance: str, name: str, content: bytes) -> None:
    path = file_of(engine, instance, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise file_trouble("write", path, error, "ML_CLOUDWATCH__FOLDER") from error
