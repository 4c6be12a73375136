"""Takes in predictions and ground truths of models that are served elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from ml_core.clock import Clock
from ml_core.errors import BodyTooLarge, FieldError, InvalidInput, ModelNotFound, VersionNotFound
from ml_core.ids import id_time, new_id
from ml_core.masking import Masking
from ml_core.records import Feature, GroundTruth, Model, Observation, Prediction, Receipt, Value
from ml_core.registry import Registry
from ml_core.settings import LimitSettings
from ml_core.store.names import EXPECTED_NAME, unfit_name

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_AHEAD = timedelta(days=1)  # of our clock: beyond it a clock or a unit (ms for s) is wrong
_MOST_CLASSES = 1000
_ROUNDED = 0.01  # what rounding to two digits may add
_EXPECTED_TIME = "expected a time from 1970 to a day from now"
_Place = Callable[[int, str], str]  # how a client finds a field of a row: the path to it in JSON, or line and column


@dataclass(frozen=True, slots=True)
class PostedPrediction:
    """A prediction as a client sent it: id and time may be missing."""

    features: Mapping[str, Feature]
    value: Value
    prediction_id: str | None = None
    time: datetime | None = None
    score: float | None = None
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class PostedTruth:
    """A ground truth as a client sent it: of a prediction, or of a series at a time.

    ``received_time`` is when it became known, for those of the past; None stands for now.
    """

    value: Value
    prediction_id: str | None = None
    series: str | None = None
    valid_time: datetime | None = None
    correct: bool = False
    received_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TruthLine:
    """A ground truth as it stood on a line of a table; ``model`` is None for that of a series."""

    number: int
    model: str | None
    truth: PostedTruth


class Recorder:
    """Checks whole bodies before anything is stored, and gives ids and times where the client gave none."""

    def __init__(self, registry: Registry, clock: Clock, limits: LimitSettings, masking: Masking | None = None) -> None:
        self.registry = registry
        self.clock = clock
        self.limits = limits
        self.masking = masking or Masking()

    def record_predictions(
        self, model_id: str, version: int | None, posted: Sequence[PostedPrediction]
    ) -> tuple[list[str], Receipt]:
        """Store predictions; return their ids in order, and the receipt.

        A missing time is that of a UUIDv7 id, else now. A missing version is the champion's. Raises ``ModelNotFound``,
        ``VersionNotFound``, ``InvalidInput`` and ``BodyTooLarge``, with nothing stored.
        """
        model = self.registry.find(model_id)
        self._check_version(model, version)
        self._check_size(posted)
        now = self.clock.now()
        times = [self._time(row, now) for row in posted]
        self._check(model, posted, times, now)
        batch = new_id(now)
        ids = [
            row.prediction_id or (f"{batch}-{index}" if row.time is None else new_id(time))
            for index, (row, time) in enumerate(zip(posted, times, strict=True))
        ]
        stored = [self.masking.mask(model.name, row.features) for row in posted]
        rows = [
            Prediction(prediction_id, time, features, row.value, row.score, version or model.champion, row.scores)
            for prediction_id, time, features, row in zip(ids, times, stored, posted, strict=True)
        ]
        new_ids = all(row.prediction_id is None for row in posted)
        return ids, self.registry.store.record_predictions(model.name, rows, new_ids=new_ids)

    def record_truths(self, model_id: str | None, posted: Sequence[PostedTruth]) -> Receipt:
        """Store ground truths of predictions of a model, and of series as observations.

        The receipt counts rows as they came. Raises ``ModelNotFound``, ``InvalidInput`` and ``BodyTooLarge``, with
        nothing stored.
        """
        model = None if model_id is None else self.registry.find(model_id)
        return self._record_truths([model] * len(posted), posted, _place_in_json)

    def record_truth_lines(self, lines: Sequence[TruthLine]) -> Receipt:
        """Store ground truths from the lines of a table, each with its own model, as ``record_truths`` does.

        The receipt counts rows from 0, without the header. Raises ``InvalidInput`` that names lines, unknown models
        too, and ``BodyTooLarge``, with nothing stored.
        """
        models: dict[str, Model] = {}
        errors = []
        for line in lines:
            if line.model is not None and line.model not in models:
                try:
                    models[line.model] = self.registry.find(line.model)
                except ModelNotFound as error:
                    errors.append(FieldError(f"line {line.number}, model", error.message))
        _raise_if_any(errors)
        return self._record_truths(
            [None if line.model is None else models[line.model] for line in lines],
            [line.truth for line in lines],
            lambda index, name: f"line {lines[index].number}, {name}",
        )

    def _record_truths(self, models: Sequence[Model | None], posted: Sequence[PostedTruth], place: _Place) -> Receipt:
        self._check_size(posted)
        now = self.clock.now()
        _raise_if_any(
            [
                FieldError(place(index, error.field), error.message)
                for index, (model, row) in enumerate(zip(models, posted, strict=True))
                for error in _truth_errors(row, model, place(index, "prediction_id"), now)
            ]
        )
        truths: defaultdict[str, dict[int, GroundTruth]] = defaultdict(dict)
        observations: defaultdict[str, dict[int, Observation]] = defaultdict(dict)
        for index, (model, row) in enumerate(zip(models, posted, strict=True)):
            received = row.received_time or now
            if row.prediction_id is not None and model is not None:
                truths[model.name][index] = GroundTruth(row.prediction_id, row.value, received, row.correct)
            elif row.series is not None and row.valid_time is not None:
                observations[row.series][index] = Observation(row.valid_time, float(row.value), received, row.correct)
        store, receipts = self.registry.store, []
        for name, of_model in truths.items():
            receipts.append(_in_body(of_model, store.record_truths(name, list(of_model.values()))))
        for series, rows in observations.items():
            receipts.append(_in_body(rows, store.record_observations(series, list(rows.values()))))
        return _sum(receipts)

    def _check_version(self, model: Model, version: int | None) -> None:
        if version is None:
            return
        known = [known.number for known in self.registry.store.list_versions(model.name)]
        if known and version not in known:  # a model served elsewhere has its versions elsewhere
            raise VersionNotFound(model.name, version)

    def _check_size(self, posted: Sequence[object]) -> None:
        if len(posted) > self.limits.batch_rows:
            raise BodyTooLarge(f"{len(posted)} rows came at once; at most {self.limits.batch_rows} are taken")

    def _time(self, row: PostedPrediction, now: datetime) -> datetime:
        if row.time is not None:
            return row.time
        return (id_time(row.prediction_id) or now) if row.prediction_id else now

    def _check(
        self, model: Model, posted: Sequence[PostedPrediction], times: Sequence[datetime], now: datetime
    ) -> None:
        errors = []
        for index, (row, time) in enumerate(zip(posted, times, strict=True)):
            where = f"predictions[{index}]"
            if row.prediction_id and row.time is None and id_time(row.prediction_id) is None:
                errors.append(FieldError(f"{where}.time", "needed beside an id that is not a UUID version 7"))
            elif not _EARLIEST <= time <= now + _MOST_AHEAD:
                errors.append(FieldError(f"{where}.time", _EXPECTED_TIME))
            size = len(orjson.dumps(row.features))
            if size > self.limits.features_bytes:
                message = f"{size} bytes; at most {self.limits.features_bytes} are taken a row"
                errors.append(FieldError(f"{where}.features", message))
            if row.scores is not None:
                errors += [FieldError(f"{where}.scores", message) for message in _wrong_scores(model, row.scores)]
        _raise_if_any(errors)


def _wrong_scores(model: Model, scores: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with the scores by class of a prediction."""
    if model.task != "multiclass":
        yield f"expected none for a model of task {model.task}; the one behind a value is its score"
    elif not 2 <= len(scores) <= _MOST_CLASSES:
        yield f"expected the probabilities of 2 to {_MOST_CLASSES} classes by name, not {len(scores)}"
    elif any(not 0 <= each <= 1 for each in scores.values()):
        yield "expected probabilities from 0 to 1"
    elif sum(scores.values()) > 1 + _ROUNDED:
        yield "expected probabilities that sum to 1 (or less, if only the likeliest classes are sent)"


def _place_in_json(index: int, name: str) -> str:
    return name if name == "model" else f"ground_truths[{index}].{name}"  # the model stands beside all truths


def _truth_errors(row: PostedTruth, model: Model | None, id_place: str, now: datetime) -> Iterator[FieldError]:
    """Return what is wrong with a truth, by the name of its field."""
    if row.received_time is not None and not _EARLIEST <= row.received_time <= now:
        yield FieldError("received_time", "expected a time from 1970 to now")
    if row.received_time is not None and row.correct:
        yield FieldError("received_time", "not taken beside correct: a correction holds from now on")
    if row.prediction_id is not None:
        if row.series is not None or row.valid_time is not None:
            yield FieldError("prediction_id", "expected either this, or series and valid_time")
        if model is None:
            yield FieldError("model", f"needed for {id_place}")
        return
    if row.series is None and row.valid_time is None:
        yield FieldError("prediction_id", "expected this, or series and valid_time")
    elif row.series is None:
        yield FieldError("series", "needed beside valid_time")
    elif unfit_name(row.series) is not None:
        yield FieldError("series", EXPECTED_NAME)
    elif row.valid_time is None:
        yield FieldError("valid_time", "needed beside series")
    elif not _EARLIEST <= row.valid_time <= now + _MOST_AHEAD:
        yield FieldError("valid_time", _EXPECTED_TIME)
    if row.series is not None and isinstance(row.value, str):
        yield FieldError("value", "expected a finite number for a series")


def _in_body(rows: Mapping[int, object], receipt: Receipt) -> Receipt:
    """Return the receipt of some rows of a body with the places that they have there."""
    places = list(rows)
    return replace(receipt, rejected=tuple(replace(each, index=places[each.index]) for each in receipt.rejected))


def _sum(receipts: Sequence[Receipt]) -> Receipt:
    rejected = sorted((each for receipt in receipts for each in receipt.rejected), key=lambda each: each.index)
    names = ("accepted", "duplicates", "spooled")
    accepted, duplicates, spooled = (sum(getattr(each, name) for each in receipts) for name in names)
    return Receipt(accepted, duplicates, tuple(rejected), spooled)


def _raise_if_any(errors: Sequence[FieldError]) -> None:
    if errors:
        fields = ", ".join(dict.fromkeys(error.field for error in errors[:5]))
        raise InvalidInput(f"the request does not fit: {fields}", errors[:100])
