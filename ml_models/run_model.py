"""Trains the suite's own models and registers what came out: ``python run_model.py``, or ``python -m ml_models train``.

Each run adds a version of each model with its metrics, its reference sample and its lineage, and makes it the
champion unless told not to. Both tables are read and checked before anything is trained, and both models are trained
before any version is registered, so a wrong file changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd

from ml_core.clocks import clock_of
from ml_core.commands import plain_errors
from ml_core.config import load_settings, resolve_path
from ml_core.csv_tables import read_table
from ml_core.lineage import training_lineage
from ml_core.records import Model, ModelVersion
from ml_core.registry import Registry
from ml_core.retraining.promoting import promote as promote_version
from ml_core.store.opening import open_store
from ml_models.leaks import find_leaks
from ml_models.trainers.base import Trained, Trainer
from ml_models.trainers.housing_price import HousingPrice
from ml_models.trainers.payment_fraud import PaymentFraud


@dataclass(frozen=True, slots=True)
class _Job:
    trainer: Trainer
    table: pd.DataFrame
    source: str


@click.command("train")
@click.option("--housing", type=click.Path(path_type=Path), help="CSV with the columns of the USA Housing table.")
@click.option("--fraud", type=click.Path(path_type=Path), help="CSV with the columns of the payment-fraud table.")
@click.option("--no-promote", is_flag=True, help="Register the new versions as challengers only.")
def train(housing: Path | None, fraud: Path | None, no_promote: bool) -> None:
    """Train housing_price and payment_fraud from CSV files, or from generated data where no file is given."""
    with plain_errors():
        settings = load_settings()
        clock = clock_of(settings)
        store = open_store(settings.store_url.get_secret_value())
        try:
            store.check()
            registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
            run(registry, {"housing_price": housing, "payment_fraud": fraud}, promote=not no_promote)
        finally:
            store.close()


def run(registry: Registry, files: Mapping[str, Path | None], *, promote: bool) -> list[ModelVersion]:
    """Train every model of ours and return the versions registered; ``files`` gives a CSV by model, or None.

    Raises ``InvalidTable`` before anything is trained or registered.
    """
    trainers: list[Trainer] = [HousingPrice(), PaymentFraud()]
    jobs = [_prepare(trainer, files.get(trainer.model)) for trainer in trainers]
    done = []
    for number, job in enumerate(jobs, start=1):
        _say(f"[{number}/{len(jobs)}] {job.trainer.model}: training on {len(job.table):,} rows from {job.source}")
        done.append((job, _train(job)))
    return [_register(registry, job, trained, promote) for job, trained in done]


def _prepare(trainer: Trainer, path: Path | None) -> _Job:
    if path is None:
        return _Job(trainer, trainer.generate(), "a generated table")
    numbers = [*trainer.features, trainer.target]
    table = read_table(path, numbers, binary=trainer.target if trainer.binary_target else None)
    return _Job(trainer, table, path.name)


def _train(job: _Job) -> Trained:
    trainer = job.trainer
    if trainer.binary_target:
        for feature, auc in find_leaks(job.table, trainer.features, trainer.target).items():
            _say(f"warning: {feature} alone tells {trainer.target} (AUC {auc:.4f}); does it leak the answer?")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained = trainer.train(job.table)
    for warning in caught:
        _say(f"warning: {trainer.model}: {str(warning.message).splitlines()[0]}")
    return trained


def _register(registry: Registry, job: _Job, trained: Trained, promote: bool) -> ModelVersion:
    trainer = job.trainer
    registry.add_model(
        Model(
            name=trainer.model,
            title=trainer.title,
            task=trainer.task,
            created_time=registry.clock.now(),
            seed_id=trainer.seed_id,
            headline_metric=trainer.headline_metric,
        )
    )
    model = registry.find(trainer.model)
    added = registry.add_version(
        model,
        trained.estimator,
        "skops",
        metrics=trained.metrics,
        features=trainer.specs,
        parameters=trained.parameters,
        lineage=training_lineage(job.source, job.table),
        reference=trained.reference,
    )
    if promote:
        promote_version(registry, model, added.number, why=f"version {added.number}, as soon as it was trained")
    metric = trainer.headline_metric
    stage = "champion" if promote else "challenger"
    _say(f"{trainer.model}: version {added.number} registered as {stage}, {metric} {trained.metrics[metric]:.4f}")
    return added


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    train()
