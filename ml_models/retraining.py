"""Trains our own models anew from what they have predicted and what came true: ``python -m ml_models retrain``.

How far back to learn from is tried out, not assumed, since after a change of the world old rows mislead, and before
one they help: each of three tables is fitted without the newest fifth of the labelled rows and judged on it, and the
best is fitted again with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_core.artifacts.folders import read_reference
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.lineage import training_lineage
from ml_core.process_parts import ProcessParts
from ml_core.records import ModelVersion
from ml_core.retraining.command import opened_owner, retrain_command
from ml_core.retraining.owner import Owner
from ml_core.retraining.predicted import PredictedModel
from ml_core.retraining.row_losses import row_loss
from ml_models.trainers.base import Trainer, plain_parameters
from ml_models.trainers.housing_price import HousingPrice
from ml_models.trainers.payment_fraud import PaymentFraud

JOB = "models-retrain"
FEWEST_ROWS = 50
_TRIED_SHARE = 0.2


class SuiteModel(PredictedModel):
    """A model of one of our trainers."""

    def __init__(self, parts: ProcessParts, trainer: Trainer) -> None:
        super().__init__(parts.registry, trainer.model)
        self.trainer = trainer
        self.window = timedelta(days=parts.settings.retraining.window_days)

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Train on the labelled predictions of the window, with the champion's reference sample where that helps."""
        model = self.registry.find(self.model)
        recent = self._table(self.labelled(as_of - self.window, until, as_of))
        if len(recent) < FEWEST_ROWS:
            message = f"expected at least {FEWEST_ROWS} predictions whose truth is known, not {len(recent)}"
            raise InvalidInput(message, [FieldError("ground_truths", message)])
        tried = recent.iloc[-max(round(_TRIED_SHARE * len(recent)), 1) :]
        tables = self._tables(recent.iloc[: -len(tried)], self.registry.champion(model))
        fitted = {name: self._fit(table) for name, table in tables.items() if self._can_fit(table)}
        if not fitted:
            raise InvalidInput("all truths that are known are the same; both classes are needed")
        best = min(fitted, key=lambda name: self._loss(fitted[name], tried))
        table = pd.concat([tables[best], tried], ignore_index=True)
        final = self._fit(table)
        held_out = self._table(self.labelled(until, as_of, as_of))
        judged, by = (held_out, final) if self._can_judge(held_out) else (tried, fitted[best])
        parts = [self._reference(fitted[best], tried)] + ([self._reference(final, held_out)] if len(held_out) else [])
        return self.registry.add_version(
            model,
            final,
            "skops",
            metrics=self.trainer.judge(by, judged[list(self.trainer.features)], self._targets(judged)),
            features=self.trainer.specs,
            parameters={**plain_parameters(final), "trained_on": best},
            lineage={
                **training_lineage("predictions and their truths", table),
                "trained_from_time": format_time(as_of - self.window),
                "trained_until_time": format_time(until),
                "known_at_time": format_time(as_of),
            },
            reference=pd.concat(parts, ignore_index=True),
        )

    def _tables(self, recent: pd.DataFrame, champion: ModelVersion | None) -> dict[str, pd.DataFrame]:
        """Return what may be learnt from, by name, oldest rows first."""
        tables = {"recent": recent, "newest half": recent.iloc[len(recent) // 2 :]}
        if champion is not None:
            folder = self.registry.artifact_folder(champion)
            reference = read_reference(folder, champion.artifact_sha256 or "")
            if {*self.trainer.features, "truth"} <= {*reference.columns}:
                old = reference[list(self.trainer.features)].assign(**{self.trainer.target: reference["truth"]})
                tables["reference and recent"] = pd.concat([old, recent], ignore_index=True)
        return tables

    def _table(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return features and target of labelled predictions as numbers; a row that lacks one is left out."""
        features = pd.DataFrame(rows["features"].tolist(), columns=list(self.trainer.features), index=rows.index)
        table = features.assign(**{self.trainer.target: rows["truth"]}).apply(pd.to_numeric, errors="coerce")
        table = table.astype(np.float64)
        finite: pd.DataFrame = table[np.isfinite(table).all(axis=1)].reset_index(drop=True)
        return finite

    def _targets(self, table: pd.DataFrame) -> Any:
        return table[self.trainer.target].to_numpy(dtype=np.int64 if self.trainer.binary_target else np.float64)

    def _fit(self, table: pd.DataFrame) -> Any:
        return self.trainer.new_estimator().fit(table[list(self.trainer.features)], self._targets(table))

    def _can_fit(self, table: pd.DataFrame) -> bool:
        return not self.trainer.binary_target or table[self.trainer.target].nunique() == 2

    def _can_judge(self, table: pd.DataFrame) -> bool:
        return len(table) >= FEWEST_ROWS and self._can_fit(table)

    def _loss(self, estimator: Any, table: pd.DataFrame) -> float:
        rows = table[list(self.trainer.features)]
        values, scores = estimator.predict(rows), self.trainer.scores(estimator, rows)
        given = [None] * len(table) if scores is None else scores.tolist()
        said = zip(table[self.trainer.target], values.tolist(), given, strict=True)
        return float(np.mean([row_loss(self.trainer.task, truth, value, score, None) for truth, value, score in said]))

    def _reference(self, estimator: Any, table: pd.DataFrame) -> pd.DataFrame:
        return self.trainer.reference(estimator, table[list(self.trainer.features)], self._targets(table))


def owner(parts: ProcessParts) -> Owner:
    """Return the models that we train, those that are registered."""
    trainers: list[Trainer] = [HousingPrice(), PaymentFraud()]
    known = {model.name for model in parts.store.list_models()}
    return Owner(JOB, parts, [SuiteModel(parts, trainer) for trainer in trainers if trainer.model in known])


retrain = retrain_command(lambda: opened_owner(owner))
