"""Holds the champion in memory, scores with it and logs what was answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_api.champion import Champion, load_champion
from anomaly_api.names import MODEL
from ml_core.batched_log import BatchedLog, Served
from ml_core.clock import Clock
from ml_core.detectors.base import Floats
from ml_core.detectors.isolation_forest import labels_of
from ml_core.errors import Conflict, SuiteError
from ml_core.ids import new_id
from ml_core.registry import Registry
from ml_core.worker.client import Worker

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
_NONE_YET = f"{MODEL} has no champion yet: train one by python -m anomaly_api train"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one row."""

    is_inlier: int
    score: float
    prediction_id: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of many rows, in columns."""

    is_inlier: NDArray[np.int64]
    scores: Floats
    prediction_ids: list[str]


class Predictor:
    """Predicts with the champion in memory. One promoted meanwhile takes its place whole, between two requests."""

    def __init__(self, registry: Registry, worker: Worker, predictions: BatchedLog, clock: Clock) -> None:
        self._registry = registry
        self._worker = worker
        self._predictions = predictions
        self._clock = clock
        self._champion: Champion | None = None
        self._trouble: str | None = None
        self._loading = threading.Lock()
        self._ended = threading.Event()

    def champion(self) -> Champion:
        """Return the version that is served; raise ``Conflict`` if there is none, or why it cannot be loaded."""
        champion = self._champion
        if champion is None:
            self.refresh()
            champion = self._champion
        if champion is None:
            raise Conflict(_NONE_YET)
        return champion

    def served(self) -> Champion | None:
        """Return the version in memory, or None."""
        return self._champion

    def refresh(self) -> None:
        """Load the registry's champion if it is another one.

        Raises ``StoreUnavailable``, and ``ArtifactError`` if its files cannot be used; the one before is served on.
        """
        with self._loading:
            model = self._registry.store.get_model(MODEL)
            number = model.champion if model else None
            current = self._champion
            if model is None or number is None or (current is not None and current.version == number):
                self._trouble = None
                return
            try:
                self._champion = load_champion(self._registry, self._worker, self._registry.version(model, number))
            except SuiteError as error:
                self._trouble = f"version {number} of {MODEL} cannot be served: {error.message}"
                raise
            self._trouble = None
            log.info("version %d of %s is served from now on", number, MODEL)

    def predict(self, champion: Champion, vector: Sequence[float]) -> Answer:
        """Return what ``champion`` says of one row, and log it; raise ``StoreUnavailable`` if that is not possible."""
        score = champion.scorer.score(vector)
        label = -1 if score - champion.offset < 0 else 1
        now = self._clock.now()
        answer = Answer(label, score, new_id(now))
        self._predictions.add(
            Served(champion.version, now, champion.names, (answer.prediction_id,), (vector,), (float(label),), (score,))
        )
        return answer

    def predict_many(self, champion: Champion, rows: Floats) -> Answers:
        """Return what ``champion`` says of ``rows``, shape (rows, features), and log it."""
        scores = champion.scorer.scores(rows)
        labels = labels_of(scores, champion.offset)
        now = self._clock.now()
        batch_id = new_id(now)
        ids = [batch_id] if len(rows) == 1 else [f"{batch_id}-{index}" for index in range(len(rows))]
        self._predictions.add(
            Served(champion.version, now, champion.names, ids, rows, labels.astype(np.float64), scores)
        )
        return Answers(labels, scores, ids)

    def notices(self) -> list[str]:
        """Return what an operator should know of the champion and of the log."""
        champion = self._champion
        found = [self._trouble] if self._trouble else []
        return found + list(champion.notices if champion else ()) + self._predictions.notices()

    def check(self) -> None:
        """Return if there is a champion to predict with; raise a ``SuiteError`` that says what is missing."""
        self.champion()

    def watch(self) -> None:
        """Begin to look for another champion every second, until ``close``."""
        threading.Thread(target=self._watch, name="champion-watch", daemon=True).start()

    def close(self) -> None:
        """End watching, write what is to be logged, and end the worker."""
        self._ended.set()
        self._predictions.close()
        self._worker.close()

    def _watch(self) -> None:
        told: str | None = None
        while not self._ended.wait(WATCH_SECONDS):
            try:
                self.refresh()
                told = None
            except SuiteError as error:
                if error.message != told:  # once, not every second
                    log.error("the champion could not be looked up or loaded: %s", error.message)
                told = error.message
