"""A model whose predictions are in the store with their features: all that its owner has to say is how to train it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ml_core.artifacts.folders import load_artifact
from ml_core.records import ModelVersion, Prediction
from ml_core.registry import Registry
from ml_core.retraining.owner import LOSS_COLUMNS
from ml_core.retraining.row_losses import row_loss
from ml_core.retraining.shadows import as_predictions, each_shadow, record_shadows


class PredictedModel(ABC):
    """See ``owner.Retrainable``. A subclass says how to ``train``."""

    def __init__(self, registry: Registry, model: str) -> None:
        self.registry = registry
        self._model = model

    @property
    def model(self) -> str:
        """Its name in the registry."""
        return self._model

    @abstractmethod
    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Train a challenger on what lies before ``until`` and was known at ``as_of``, and register it."""

    def labelled(self, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return the predictions of ``start <= time < end`` whose truth was known at ``known_at``, oldest first."""
        frame = self.registry.store.scored(self.model, start, min(end, known_at), known_at=known_at)
        return frame[frame["truth"].notna()].reset_index(drop=True)

    def labelled_times(self, start: datetime, end: datetime, known_at: datetime) -> Sequence[datetime]:
        """Return the times of ``labelled``."""
        return [time.to_pydatetime() for time in self.labelled(start, end, known_at)["time"]]

    def losses(self, version: ModelVersion, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return what a version lost on what is ``labelled``, by prediction id.

        What it has served or said in the shadow is taken as it was said; for the rest it is asked now. A row that lacks
        a feature, since that is masked, is left out.
        """
        frame = self.labelled(start, end, known_at)
        task = self.registry.find(self.model).task
        said = self._said(version, frame, start, end)
        rows = zip(frame["prediction_id"], frame["truth"], frame["truth_received_time"], strict=True)
        found = {
            prediction_id: (known_time, row_loss(task, truth, given.value, given.score, given.scores))
            for prediction_id, truth, known_time in rows
            if (given := said.get(prediction_id)) is not None
        }
        return pd.DataFrame.from_dict(found, orient="index", columns=list(LOSS_COLUMNS))

    def predict_beside(self, version: ModelVersion, start: datetime, end: datetime) -> int:
        """Let a version predict from the stored features of what others have served; return how many are new."""
        frame = self.registry.store.predictions(self.model, start, end)
        known = {
            each.prediction_id for each in each_shadow(self.registry.store, self.model, version.number, start, end)
        }
        others = frame[~_is_of(frame, version) & ~frame["prediction_id"].isin(known)]
        return record_shadows(self.registry.store, self.model, version.number, self._ask(version, others))

    def _said(
        self, version: ModelVersion, frame: pd.DataFrame, start: datetime, end: datetime
    ) -> dict[str, Prediction]:
        store = self.registry.store
        said = {each.prediction_id: each for each in each_shadow(store, self.model, version.number, start, end)}
        own = frame[_is_of(frame, version)]
        said |= {each.prediction_id: each for each in as_predictions(own)}
        asked = self._ask(version, frame[~frame["prediction_id"].isin(said.keys())])
        return said | {each.prediction_id: each for each in asked}

    def _ask(self, version: ModelVersion, frame: pd.DataFrame) -> list[Prediction]:
        """Return what a version says to the features of served predictions, those that lack one left out."""
        names = [feature.name for feature in version.features]
        whole = [
            (row["prediction_id"], row["time"].to_pydatetime(), [row["features"][name] for name in names])
            for row in frame.to_dict("records")
            if all(row["features"].get(name) is not None for name in names)
        ]
        if not whole:
            return []
        loaded = load_artifact(self.registry.artifact_folder(version), version.artifact_sha256 or "")
        outputs = loaded.predict(pd.DataFrame([cells for _, _, cells in whole], columns=names))
        return [
            Prediction(
                prediction_id,
                time,
                {},
                outputs.values[index],
                None if outputs.scores is None else float(outputs.scores[index]),
                version.number,
                None if outputs.scores_by_class is None else outputs.scores_by_class[index],
            )
            for index, (prediction_id, time, _) in enumerate(whole)
        ]


def _is_of(frame: pd.DataFrame, version: ModelVersion) -> Any:
    return frame["version"].eq(version.number).fillna(False).astype(bool)
