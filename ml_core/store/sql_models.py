"""Models and their versions in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from ml_core.clock import as_utc, format_time, parse_time
from ml_core.errors import ModelNotFound
from ml_core.records import MODEL_NAME, FeatureSpec, Model, ModelVersion, StageChange
from ml_core.store.sql_engine import RaceLost
from ml_core.store.tables import model_versions, models


def put_model(connection: Connection, model: Model) -> bool:
    """Add the model or update its description; return whether it is new."""
    description = {
        "title": model.title,
        "task": model.task,
        "seed_id": model.seed_id,
        "headline_metric": model.headline_metric,
    }
    updated = connection.execute(update(models).where(models.c.name == model.name).values(description))
    if updated.rowcount:
        return False
    # If another process adds it just now, this is a duplicate key, and the repeated transaction updates.
    connection.execute(
        insert(models).values(
            name=model.name,
            created_time=model.created_time,
            **description,
            **_stage_columns(model),
        )
    )
    return True


def get_model(connection: Connection, name: str) -> Model | None:
    """Return the model of this name, or None."""
    if not MODEL_NAME.fullmatch(name):
        return None  # MariaDB would find "name" for "name "
    row = connection.execute(select(models).where(models.c.name == name)).one_or_none()
    return None if row is None else _model(row)


def list_models(connection: Connection) -> list[Model]:
    """Return all models, by name."""
    return [_model(row) for row in connection.execute(select(models).order_by(models.c.name))]


def change_stage(connection: Connection, name: str, change: StageChange) -> bool:
    """Append a stage change if the champion is still ``change.previous``; return whether it was.

    1. Read the model and judge the change by it.
    2. Write the change on the condition that the model still is what was read.
    3. If not one row was changed, another process was first: do it all again, with the model as it is now.
    """
    model = get_model(connection, name)
    if model is None:
        raise ModelNotFound(name)
    if model.champion != change.previous:
        return False
    updated = connection.execute(
        update(models)
        .where(
            models.c.name == name,
            models.c.champion.is_not_distinct_from(change.previous),
            models.c.stage_change_count == len(model.stage_changes),
        )
        .values(_stage_columns(model.with_change(change)))
    )
    if updated.rowcount == 0:
        raise RaceLost
    return True


def add_version(connection: Connection, version: ModelVersion) -> ModelVersion:
    """Store the version under the next number of its model; return it with that number."""
    known = connection.execute(select(models.c.name).where(models.c.name == version.model)).one_or_none()
    if known is None:
        raise ModelNotFound(version.model)
    last = connection.execute(
        select(func.max(model_versions.c.number)).where(model_versions.c.model == version.model)
    ).scalar_one()
    # If another process takes the number just now, this is a duplicate key, and the repeated transaction counts on.
    version = replace(version, number=(last or 0) + 1, created_time=as_utc(version.created_time))
    values = {column.name: getattr(version, column.name) for column in model_versions.columns}
    connection.execute(
        insert(model_versions).values(values | {"features": [asdict(feature) for feature in version.features]})
    )
    return version


def list_versions(connection: Connection, model: str) -> list[ModelVersion]:
    """Return the versions of a model, oldest first."""
    query = select(model_versions).where(model_versions.c.model == model).order_by(model_versions.c.number)
    return [_version(row) for row in connection.execute(query)]


def get_version(connection: Connection, model: str, number: int) -> ModelVersion | None:
    """Return one version, or None."""
    query = select(model_versions).where(model_versions.c.model == model, model_versions.c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def _stage_columns(model: Model) -> dict[str, Any]:
    return {
        "stage_changes": [asdict(change) | {"time": format_time(change.time)} for change in model.stage_changes],
        "champion": model.champion,
        "stage_change_count": len(model.stage_changes),
    }


def _model(row: Row[Any]) -> Model:
    changes = tuple(StageChange(**change | {"time": parse_time(change["time"])}) for change in row.stage_changes)
    return Model(
        name=row.name,
        title=row.title,
        task=row.task,
        created_time=row.created_time,
        seed_id=row.seed_id,
        headline_metric=row.headline_metric,
        stage_changes=changes,
    )


def _version(row: Row[Any]) -> ModelVersion:
    values = row._asdict()
    return ModelVersion(**values | {"features": tuple(FeatureSpec(**feature) for feature in row.features)})
