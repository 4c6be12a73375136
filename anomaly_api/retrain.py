"""Trains the detector anew from what it was asked lately: ``python -m anomaly_api retrain``.

A forest learns without truths, so all rows of the window count. Versions are compared where truths are known: a wrong
side is a loss of 1. Where nobody ever says what was an anomaly, a challenger stays in the shadow until its time is over
and is then kept out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from anomaly_api.names import MODEL
from anomaly_api.train import CONTAMINATION, LEAST_ROWS, fit
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.lineage import training_lineage
from ml_core.process_parts import ProcessParts
from ml_core.records import ModelVersion
from ml_core.retraining.command import opened_owner, retrain_command
from ml_core.retraining.owner import Owner
from ml_core.retraining.predicted import PredictedModel

JOB = "anomaly-retrain"
_MOST_ROWS = 100_000


class Detector(PredictedModel):
    """The detector's model."""

    def __init__(self, parts: ProcessParts) -> None:
        super().__init__(parts.registry, MODEL)
        self.window = timedelta(days=parts.settings.retraining.window_days)

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Fit a forest on the newest rows before ``until``, with the contamination of the champion."""
        model = self.registry.find(self.model)
        champion = self.registry.champion(model)
        if champion is None:
            raise InvalidInput("expected a champion, whose features say what to learn; train it first")
        start = as_of - self.window
        rows = self.registry.store.predictions(self.model, start, until, newest=_MOST_ROWS)
        names = [feature.name for feature in champion.features]
        table = pd.DataFrame(rows["features"].tolist(), columns=names).apply(pd.to_numeric, errors="coerce")
        table = table.astype(np.float64)
        table = table[np.isfinite(table).all(axis=1)].reset_index(drop=True)
        if len(table) < LEAST_ROWS:
            message = f"expected at least {LEAST_ROWS} rows that were predicted since {format_time(start)}"
            raise InvalidInput(f"{message}, not {len(table)}", [FieldError("predictions", message)])
        trained = fit(table, champion.parameters.get("contamination", CONTAMINATION))
        return self.registry.add_version(
            model,
            trained.estimator,
            "isolation_forest",
            metrics=trained.metrics,
            features=champion.features,
            parameters=trained.parameters,
            lineage={
                **training_lineage("predictions", table),
                "trained_from_time": format_time(start),
                "trained_until_time": format_time(until),
                "known_at_time": format_time(as_of),
            },
            reference=trained.reference,
        )


def owner(parts: ProcessParts) -> Owner:
    """Return the detector, if it is registered."""
    return Owner(JOB, parts, [Detector(parts)] if parts.store.get_model(MODEL) else [])


retrain = retrain_command(lambda: opened_owner(owner))
