"""Writes what a served model answered to the store, and gives each answer the id by which its truth can come later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_core.artifacts.formats import Outputs
from ml_core.clock import Clock
from ml_core.ids import new_id
from ml_core.masking import Masking
from ml_core.records import Feature, Prediction
from ml_core.store.base import Store


class PredictionLog:
    """The log of one serving process. A row is durable before its answer goes out."""

    def __init__(self, store: Store, clock: Clock, masking: Masking | None = None) -> None:
        self.store = store
        self.clock = clock
        self.masking = masking or Masking()

    def record(
        self, model: str, version: int, rows: Sequence[Mapping[str, Feature]], outputs: Outputs
    ) -> list[Prediction]:
        """Store one prediction a row and return them as stored: ids ``<id>``, or ``<id>-<row>`` for several rows."""
        now = self.clock.now()
        batch = new_id(now)
        predictions = [
            Prediction(
                prediction_id=batch if len(rows) == 1 else f"{batch}-{index}",
                time=now,
                features=self.masking.mask(model, row),
                value=outputs.values[index],
                score=outputs.scores[index] if outputs.scores is not None else None,
                version=version,
                scores=outputs.scores_by_class[index] if outputs.scores_by_class is not None else None,
            )
            for index, row in enumerate(rows)
        ]
        self.store.record_predictions(model, predictions, new_ids=True)
        return predictions
