"""Decides what becomes of each row of a batch: pure functions that every store uses, so that receipts cannot differ.

A row is stored, counted as a duplicate, or rejected with the field and the reason. A second row of the same id inside
one batch is judged as if the first had been stored before. Rows to be stored come back with numbers as float and times
in UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from ml_core.clock import as_utc, format_time
from ml_core.records import Feature, GroundTruth, Prediction, Receipt, Rejection, Value

MAX_ID_CHARACTERS = 255
MAX_LABEL_CHARACTERS = 255
_SHOWN_CHARACTERS = 60
_SHOWN_FEATURES = 3


def decide_predictions(
    rows: Sequence[Prediction], stored: Mapping[str, Prediction]
) -> tuple[list[Prediction], Receipt]:
    """Return the rows to store, in their order, and the receipt that holds once they are durable.

    ``stored`` holds what is known already of the ids in ``rows``. Raises ``ValueError`` for a naive time.
    """
    new: dict[str, Prediction] = {}
    rejected: list[Rejection] = []
    duplicates = 0
    for index, row in enumerate(rows):
        unfit = _unfit_prediction(row)
        if unfit is not None:
            rejected.append(Rejection(index, *unfit))
            continue
        row = _normal_prediction(row)
        known = stored.get(row.prediction_id) or new.get(row.prediction_id)
        if known is None:
            new[row.prediction_id] = row
        elif differences := _differences(known, row):
            message = f"this id is stored already with another content: {'; '.join(differences)}"
            rejected.append(Rejection(index, "prediction_id", message))
        else:
            duplicates += 1
    return list(new.values()), Receipt(len(new), duplicates, tuple(rejected))


def decide_truths(rows: Sequence[GroundTruth], stored: Mapping[str, Value]) -> tuple[list[GroundTruth], Receipt]:
    """Return the truths to store, in their order, and the receipt that holds once they are durable.

    ``stored`` holds the value in force for each id in ``rows`` that has one. A truth to store whose id has a value
    already replaces it: an id may come more than once, and its last one is in force. Raises ``ValueError`` for a naive
    time.
    """
    in_force = {row.prediction_id: stored[row.prediction_id] for row in rows if row.prediction_id in stored}
    new: list[GroundTruth] = []
    rejected: list[Rejection] = []
    duplicates = 0
    for index, row in enumerate(rows):
        unfit = _unfit_id(row.prediction_id) or _unfit_value(row.value)
        if unfit is not None:
            rejected.append(Rejection(index, *unfit))
            continue
        row = replace(row, value=_normal_value(row.value), received_time=as_utc(row.received_time))
        known = in_force.get(row.prediction_id)
        if known == row.value:
            duplicates += 1
        elif known is None or row.correct:
            in_force[row.prediction_id] = row.value
            new.append(row)
        else:
            message = f'the truth {show(known)} is stored already, not {show(row.value)}; send "correct": true '
            rejected.append(Rejection(index, "value", f"{message}to replace it"))
    return new, Receipt(len(new), duplicates, tuple(rejected))


def decide_replayed_truths(
    rows: Sequence[GroundTruth], history: Mapping[str, Sequence[tuple[datetime, Value]]]
) -> tuple[list[GroundTruth], Receipt]:
    """Decide on truths of which some may have been stored before, in which case they are duplicates.

    ``history`` holds the revisions of each id in ``rows`` that has some, oldest first. Each truth is judged by what was
    in force when it was received, so that one which was corrected since is not taken for a contradiction.
    """
    in_force: dict[str, Value] = {}
    new: list[GroundTruth] = []
    rejected: list[Rejection] = []
    duplicates = 0
    for index, row in enumerate(rows):
        revisions = history.get(row.prediction_id, ())
        if (row.received_time, row.value) in revisions:
            duplicates += 1
            continue
        known = in_force.get(row.prediction_id, _in_force_at(row.received_time, revisions))
        some, receipt = decide_truths([row], {} if known is None else {row.prediction_id: known})
        new += some
        in_force |= {each.prediction_id: each.value for each in some}
        duplicates += receipt.duplicates
        rejected += [replace(each, index=index) for each in receipt.rejected]
    return new, Receipt(len(new), duplicates, tuple(rejected))


def _in_force_at(time: datetime, revisions: Sequence[tuple[datetime, Value]]) -> Value | None:
    before = [value for received_time, value in revisions if received_time <= time]
    # What was received before all that is stored, but sent later, is judged by what is in force now.
    return before[-1] if before else revisions[-1][1] if revisions else None


def ids_to_look_up(rows: Sequence[Prediction] | Sequence[GroundTruth]) -> list[str]:
    """Return the ids of which a store must know what it holds, each once; ids that no store could hold are left out."""
    return fit_ids(row.prediction_id for row in rows)


def fit_ids(prediction_ids: Iterable[str]) -> list[str]:
    """Return the ids, each once, without those that no store could hold."""
    return [each for each in dict.fromkeys(prediction_ids) if _unfit_id(each) is None]


def _normal_prediction(row: Prediction) -> Prediction:
    is_plain = type(row.value) in (float, str) and (row.score is None or type(row.score) is float)
    if is_plain and row.scores is None and row.time.tzinfo is UTC:
        return row
    score = None if row.score is None else float(row.score)
    # No scores at all are the same as none given, and come back so.
    scores = {name: float(number) for name, number in row.scores.items()} if row.scores else None
    return replace(row, time=as_utc(row.time), value=_normal_value(row.value), score=score, scores=scores)


def _normal_value(value: Value) -> Value:
    return str(value) if isinstance(value, str) else float(value)


def _differences(stored: Prediction, row: Prediction) -> list[str]:
    found = []
    if stored.time != row.time:
        found.append(f"time {format_time(stored.time)}, not {format_time(row.time)}")
    for name in ("value", "score", "version"):
        old, new = getattr(stored, name), getattr(row, name)
        if old != new:
            found.append(f"{name} {show(old)}, not {show(new)}")
    if dict(stored.scores or {}) != dict(row.scores or {}):
        found.append(f"scores {show(stored.scores)}, not {show(row.scores)}")
    return found + _feature_differences(stored.features, row.features)


def _feature_differences(stored: Mapping[str, Feature], row: Mapping[str, Feature]) -> list[str]:
    if stored == row and not any(isinstance(value, bool) for value in (*stored.values(), *row.values())):
        return []
    found = []
    for name in sorted({*stored, *row}):
        if name not in row:
            found.append(f"feature {show(name)} {show(stored[name])}, not left out")
        elif name not in stored:
            found.append(f"feature {show(name)} left out, not {show(row[name])}")
        elif not _same_feature(stored[name], row[name]):
            found.append(f"feature {show(name)} {show(stored[name])}, not {show(row[name])}")
    more = len(found) - _SHOWN_FEATURES
    return [*found[:_SHOWN_FEATURES], f"and {more} more features"] if more > 0 else found


def _same_feature(one: Feature, other: Feature) -> bool:
    # True == 1 in Python, but not in what the client sent.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def show(value: object) -> str:
    """Return a value as it stands in messages: in Python's form, cut where it is long."""
    text = "none" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


# What no store could keep as it is: a row that the database would refuse must not take its whole batch with it.


def _unfit_prediction(row: Prediction) -> tuple[str, str] | None:
    unfit = _unfit_id(row.prediction_id) or _unfit_value(row.value)
    if unfit is None and row.score is not None and not is_finite(row.score):
        unfit = ("score", f"expected a finite number, not {show(row.score)}")
    return unfit or _unfit_features(row.features) or _unfit_scores(row.scores or {})


def _unfit_id(prediction_id: str) -> tuple[str, str] | None:
    # Blanks at the end are not told apart by the collations of MySQL and MariaDB.
    if (
        0 < len(prediction_id) <= MAX_ID_CHARACTERS
        and prediction_id == prediction_id.strip()
        and is_text(prediction_id)
    ):
        return None
    expected = f"expected 1 to {MAX_ID_CHARACTERS} characters of text with no blank at either end"
    return "prediction_id", f"{expected}, not {show(prediction_id)}"


def _unfit_value(value: Value) -> tuple[str, str] | None:
    if isinstance(value, str):
        if len(value) <= MAX_LABEL_CHARACTERS and is_text(value):
            return None
        return "value", f"expected a label of at most {MAX_LABEL_CHARACTERS} characters of text, not {show(value)}"
    return None if is_finite(value) else ("value", f"expected a finite number, not {show(value)}")


def _unfit_features(features: Mapping[str, Feature]) -> tuple[str, str] | None:
    try:
        text = orjson.dumps(dict(features))
    except TypeError as error:
        return "features", f"expected numbers, texts, true, false or null by name: {error}"
    if b"null" in text:  # orjson writes NaN and infinity so; they would come back as something else
        for name, value in features.items():
            if isinstance(value, float) and not math.isfinite(value):
                return "features", f"expected a finite number for {show(name)}, not {show(value)}"
    return None


def _unfit_scores(scores: Mapping[str, float]) -> tuple[str, str] | None:
    for name, number in scores.items():
        if not isinstance(name, str) or len(name) > MAX_LABEL_CHARACTERS or not is_text(name):
            expected = f"expected labels of at most {MAX_LABEL_CHARACTERS} characters of text"
            return "scores", f"{expected}, not {show(name)}"
        if isinstance(number, bool) or not isinstance(number, int | float) or not is_finite(number):
            return "scores", f"expected a finite number for {show(name)}, not {show(number)}"
    return None


def is_finite(number: float) -> bool:
    """Return whether a number has a finite value as a float."""
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer too big for a float
        return False


def is_text(text: str) -> bool:
    """Return whether a text can be written in UTF-8."""
    # A lone surrogate can be written in JSON but not in UTF-8.
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
