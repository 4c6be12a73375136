"""Erasing by id in SQL: a few ids in each transaction, with all that belongs to them, so that nobody waits long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from sqlalchemy import Connection, and_, delete, select

from ml_core.store.companions import DELAYED, MADE, shadow_range, shadows_among, tracked_ids, tracked_name
from ml_core.store.deciding import fit_ids
from ml_core.store.erasure import Erasure, erasure
from ml_core.store.sql_engine import Database, RaceLost
from ml_core.store.sql_keys import distinct
from ml_core.store.sql_rollups import sum_anew
from ml_core.store.summaries import hour_of
from ml_core.store.tables import PREDICTIONS_BY_ID, ground_truths, metric_points, predictions

# Each may lie in an hour of its own, which is summed anew while others wait to add to it.
_IDS = 100


def erase(database: Database, model: str, prediction_ids: Collection[str]) -> Erasure:
    """Delete predictions with all that belongs to them, by id."""
    ids = fit_ids(prediction_ids)
    portions = [ids[start : start + _IDS] for start in range(0, len(ids), _IDS)]
    return sum((database.write(partial(_erase, model=model, ids=some)) for some in portions), Erasure())


def _erase(connection: Connection, model: str, ids: Sequence[str]) -> Erasure:
    shadows = _shadows_of(connection, model)
    tracked = _erase_tracked(connection, model, ids)
    truths = _erase_truths(connection, model, ids)
    # Last, since their sums make others wait until the commit.
    hidden = [_erase_predictions(connection, name, ids) for name in shadows]
    served = _erase_predictions(connection, model, ids)
    return erasure(ids, served, truths, hidden, tracked)


def _shadows_of(connection: Connection, model: str) -> list[str]:
    name, (begin, end) = predictions.c.model, shadow_range(model)
    found = distinct(connection, (name,), name >= begin, name < end)
    return shadows_among((each for (each,) in found), model)


def _erase_predictions(connection: Connection, model: str, ids: Sequence[str]) -> set[str]:
    """Delete predictions kept under one name; return those of the ids that were there."""
    key = predictions.c
    these = and_(key.model == model, key.prediction_id.in_(ids))
    query = select(key.time, key.prediction_id).where(these).order_by(key.time, key.prediction_id).with_for_update()
    hint = f"FORCE INDEX ({PREDICTIONS_BY_ID.name})"  # a scan of the whole table would wait for everybody else
    rows = connection.execute(query.with_hint(predictions, hint, "mysql")).all()
    if connection.execute(delete(predictions).where(these)).rowcount != len(rows):
        raise RaceLost  # one was recorded meanwhile, perhaps in another hour
    sum_anew(connection, model, {hour_of(row.time) for row in rows})
    return {row.prediction_id for row in rows}


def _erase_truths(connection: Connection, model: str, ids: Sequence[str]) -> set[str]:
    """Delete truths with all their revisions; return those of the ids that had one."""
    truth_id = ground_truths.c.prediction_id
    these = and_(ground_truths.c.model == model, truth_id.in_(ids))
    found = set(connection.execute(select(truth_id).distinct().where(these).order_by(truth_id)).scalars())
    connection.execute(delete(ground_truths).where(these))
    return found


def _erase_tracked(connection: Connection, model: str, ids: Sequence[str]) -> list[str]:
    """Delete what was tracked of predictions; return the id under which each line lay."""
    key = metric_points.c
    segments = sorted({each for prediction_id in ids for each in tracked_ids(prediction_id)})
    these = and_(key.model == tracked_name(model), key.metric.in_((MADE, DELAYED)), key.segment.in_(segments))
    found = list(connection.execute(select(key.segment).where(these).order_by(key.segment)).scalars())
    if connection.execute(delete(metric_points).where(these)).rowcount != len(found):
        raise RaceLost  # one was tracked meanwhile
    return found
