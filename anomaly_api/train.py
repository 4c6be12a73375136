"""Trains the detector: ``python -m anomaly_api train``.

The forest of the first system, ``IsolationForest(random_state=16, contamination=0.001)``, fitted on the first four
fifths of a table; the rest is held out, and a sample of it is the reference by which later predictions are judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from anomaly_api.generator import HELD_OUT_ROWS, TRAINING_ROWS, generate_windows
from anomaly_api.names import MODEL, TITLE
from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings, resolve_path
from ml_core.csv_tables import read_number_table
from ml_core.detectors.isolation_forest import load_scorer
from ml_core.errors import FieldError, InvalidInput
from ml_core.lineage import training_lineage
from ml_core.records import FeatureSpec, Model, ModelVersion
from ml_core.registry import Registry
from ml_core.retraining.promoting import promote as promote_version
from ml_core.store.opening import open_store

RANDOM_STATE = 16
CONTAMINATION = 0.001
REFERENCE_ROWS = 5_000
LEAST_ROWS = 100
_HELD_OUT_SHARE = HELD_OUT_ROWS / (TRAINING_ROWS + HELD_OUT_ROWS)
_MOST_CONTAMINATION = 0.5  # scikit-learn takes no more

Contamination = float | str


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted forest with its metrics, its parameters and the reference sample."""

    estimator: Any
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    reference: pd.DataFrame


@click.command("train")
@click.option("--data", type=click.Path(path_type=Path), help="CSV of numbers, one column a feature, such as mean,sd.")
@click.option(
    "--contamination", default=str(CONTAMINATION), show_default=True, help="Expected share of anomalies, or auto."
)
@click.option("--no-promote", is_flag=True, help="Register the new version as a challenger only.")
def train(data: Path | None, contamination: str, no_promote: bool) -> None:
    """Train the detector from a CSV file, or from generated windows where no file is given."""
    with plain_errors():
        settings = load_settings()
        store = open_store(settings.store_url.get_secret_value())
        try:
            store.check()
            registry = Registry(store, resolve_path(settings.artifacts_folder), clock_of(settings))
            run(registry, data, read_contamination(contamination), promote=not no_promote)
        finally:
            store.close()


def run(
    registry: Registry, data: Path | None = None, contamination: Contamination = CONTAMINATION, *, promote: bool = True
) -> ModelVersion:
    """Train and register a version, and make it the champion; raise ``InvalidTable`` before anything is registered."""
    table = generate_windows() if data is None else read_number_table(data, least_rows=LEAST_ROWS)
    source = "generated windows" if data is None else data.name
    _say(f"{MODEL}: training on {len(table):,} rows of {', '.join(table.columns)} from {source}")
    trained = fit(table, contamination)
    registry.add_model(Model(MODEL, TITLE, "anomaly", registry.clock.now()))
    model = registry.find(MODEL)
    version = registry.add_version(
        model,
        trained.estimator,
        "isolation_forest",
        metrics=trained.metrics,
        features=tuple(FeatureSpec(str(name), "number") for name in table.columns),
        parameters=trained.parameters,
        lineage=training_lineage(source, table),
        reference=trained.reference,
    )
    scorer, differences = load_scorer(registry.artifact_folder(version))
    for difference in differences:
        _say(f"warning: {MODEL}: {difference}; it will be served by scikit-learn itself, slowly")
    if promote:
        promote_version(registry, model, version.number, why=f"version {version.number}, as soon as it was trained")
    _say(
        f"{MODEL}: version {version.number} registered as {'champion' if promote else 'challenger'}, "
        f"{trained.metrics['held_out_anomalies']:,} anomalies in {trained.metrics['held_out_rows']:,} rows held out, "
        f"{'threshold grid' if scorer.grid else 'tree walk'}"
    )
    return version


def fit(table: pd.DataFrame, contamination: Contamination = CONTAMINATION) -> Trained:
    """Fit a forest on the first rows of ``table`` and judge it on the others, which it has not seen."""
    from sklearn.ensemble import IsolationForest

    held_out = max(1, round(len(table) * _HELD_OUT_SHARE))
    rows = table.to_numpy(dtype=np.float64)
    estimator = IsolationForest(random_state=RANDOM_STATE, contamination=contamination).fit(rows[:-held_out])
    reference = table.iloc[-held_out:].reset_index(drop=True)
    reference["value"] = estimator.predict(rows[-held_out:]).astype(np.float64)
    reference["score"] = estimator.score_samples(rows[-held_out:])
    anomalies = int((reference["value"] < 0).sum())
    if len(reference) > REFERENCE_ROWS:
        reference = reference.sample(REFERENCE_ROWS, random_state=RANDOM_STATE).sort_index()
    return Trained(
        estimator,
        metrics={
            "held_out_rows": held_out,
            "held_out_anomalies": anomalies,
            "held_out_anomaly_rate": anomalies / held_out,
            "score_limit": float(estimator.offset_),
        },
        parameters=estimator.get_params(),
        reference=reference.reset_index(drop=True),
    )


def read_contamination(text: str) -> Contamination:
    """Return ``auto``, or a number above 0 and up to 0.5; raise ``InvalidInput`` for anything else."""
    if text == "auto":
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST_CONTAMINATION:
        message = f"expected auto, or a number above 0 and at most {_MOST_CONTAMINATION}"
        raise InvalidInput(f"contamination: {message}", [FieldError("contamination", message)])
    return value


def _say(line: str) -> None:
    click.echo(line, err=True)
