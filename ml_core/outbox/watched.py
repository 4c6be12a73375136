"""A model that logs what it predicts, and is otherwise the model itself."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from ml_core.outbox.batches import Batch
from ml_core.outbox.tables import Column, plain, read_column, read_columns
from ml_core.records import Task

log = logging.getLogger(__name__)
METHODS = ("predict", "predict_proba", "score_samples")
_OUTLIER_TASKS = ("outlier_detector",)

LogRows = Callable[[dict[str, Column], int, Any, Any], Batch]
"""Takes features, the number of rows, values and scores, and returns what it has logged."""


def task_of(model: Any) -> Task:
    """Return what a scikit-learn-like model predicts."""
    if getattr(model, "_estimator_type", None) in _OUTLIER_TASKS or hasattr(model, "score_samples"):
        return "anomaly"
    classes = getattr(model, "classes_", None)
    if classes is None:
        return "regression"
    return "binary" if len(classes) <= 2 else "multiclass"


class Watched:
    """A model whose predictions are logged after it has made them; everything else goes straight to the model.

    Nothing of the model is changed: whoever holds it itself goes on unwatched, and its own calls of its methods log
    nothing. It passes for an instance of the model's class, and pickles as the model alone. Whatever goes wrong with
    logging is counted and logged once; the caller gets the model's answer all the same.
    """

    __slots__ = ("__weakref__", "_failures", "_local", "_lock", "_log_rows", "_methods", "_model")

    def __init__(self, model: Any, log_rows: LogRows, methods: Collection[str] = METHODS) -> None:
        set_own = functools.partial(object.__setattr__, self)
        set_own("_model", model)
        set_own("_log_rows", log_rows)
        set_own("_methods", frozenset(methods))
        set_own("_local", threading.local())
        set_own("_lock", threading.Lock())
        set_own("_failures", 0)

    @property
    def last_ids(self) -> list[str]:
        """The ids of the rows that this thread's last call has logged, in order; empty if it could not be logged."""
        batch: Batch | None = getattr(self._local, "batch", None)
        return [] if batch is None else batch.row_ids()

    @property
    def watch_failures(self) -> int:
        """How many calls could not be logged."""
        return int(self._failures)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._model)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # scikit-learn looks there whether a model is fitted
        return vars(self._model)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        if name not in self._methods or not callable(found):
            return found
        return functools.partial(self._call, name, found)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._model, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._model, name)

    def __getitem__(self, key: Any) -> Any:  # steps of pipelines
        return self._model[key]

    def __len__(self) -> int:
        return len(self._model)

    def __bool__(self) -> bool:
        return bool(self._model)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._model), "last_ids", "watch_failures"})

    def __repr__(self) -> str:
        return f"watched {self._model!r}"

    def __reduce__(self) -> Any:
        return _itself, (self._model,)

    def _call(self, name: str, method: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        answer = method(*arguments, **more)
        try:
            self._local.batch = None
            rows = arguments[0] if arguments else more["X"]
            self._local.batch = self._log(name, rows, answer)
        except Exception as error:  # the caller asked the model, not us
            self._note(name, error)
        return answer

    def _log(self, name: str, rows: Any, answer: Any) -> Batch:
        log_rows: LogRows = self._log_rows
        names = getattr(self._model, "feature_names_in_", None)
        features, count = read_columns(rows, names)
        if name == "predict_proba":
            values, scores, more = _of_probabilities(np.asarray(answer), self._model.classes_)
            return log_rows(features | more, count, values, scores)
        if name == "score_samples":
            scores = np.asarray(answer)
            offset = getattr(self._model, "offset_", None)
            values = scores if offset is None else np.where(scores < offset, -1, 1)
            return log_rows(features, count, values, scores)
        return log_rows(features, count, answer, None)

    def _note(self, name: str, error: Exception) -> None:
        with self._lock:
            object.__setattr__(self, "_failures", self._failures + 1)
            if self._failures > 1:
                return
        log.warning("a call of %s could not be logged (said once): %s: %s", name, type(error).__name__, error)


def _itself(model: Any) -> Any:
    return model


def _of_probabilities(answer: Any, classes: Sequence[Any]) -> tuple[Column, Column, dict[str, Column]]:
    """Return labels, scores, and for more than two classes a column ``score:<class>`` for each."""
    labels = np.asarray(classes)[np.argmax(answer, axis=1)]
    if len(classes) == 2:
        return labels, read_column(answer[:, 1]), {}
    by_class = {f"score:{plain(label)}": read_column(answer[:, place]) for place, label in enumerate(list(classes))}
    return labels, read_column(answer.max(axis=1)), by_class
