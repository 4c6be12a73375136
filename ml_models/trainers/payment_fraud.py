"""``payment_fraud`` (seed id ``model2``): a logistic regression that tells fraudulent payments from honest ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.scores import accuracy_score, confusion_matrix, log_loss, precision_score, recall_score
from ml_models.generators.fraud import generate_fraud
from ml_models.trainers.base import Trainer


class PaymentFraud(Trainer):
    """Columns as in the public payment-fraud table; as in the first system ``paymentMethod`` is not used."""

    model = "payment_fraud"
    seed_id = "model2"
    title = "Payment Fraud Detection"
    task = "binary"
    headline_metric = "accuracy_score"
    features = ("accountAgeDays", "numItems", "localTime", "paymentMethodAgeDays")
    target = "label"
    binary_target = True

    def generate(self) -> pd.DataFrame:
        return generate_fraud()

    def new_estimator(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()

    def judge(self, estimator: Any, rows: pd.DataFrame, truths: NDArray[np.float64]) -> dict[str, Any]:
        labels = estimator.predict(rows)
        return {
            "accuracy_score": accuracy_score(truths, labels),
            "confusion_matrix": confusion_matrix(truths, labels),
            # On hard labels, as the first system had it; the proper score is the one on probabilities.
            "log_loss": log_loss(truths, labels),
            "log_loss_proba": log_loss(truths, self.scores(estimator, rows)),
            "precision_score": precision_score(truths, labels),
            "recall_score": recall_score(truths, labels),
        }

    def scores(self, estimator: Any, rows: pd.DataFrame) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = estimator.predict_proba(rows)[:, 1]
        return probabilities
