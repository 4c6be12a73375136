"""``housing_price`` (seed id ``model1``): a linear regression of house prices on five averages of their area."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.scores import mean_absolute_error, mean_squared_error, r2_score
from ml_models.generators.housing import generate_housing
from ml_models.trainers.base import Trainer


class HousingPrice(Trainer):
    """Columns as in the public USA Housing table; its text column ``Address`` is not used."""

    model = "housing_price"
    seed_id = "model1"
    title = "Housing Price Prediction"
    task = "regression"
    headline_metric = "r2_score"
    features = (
        "Avg. Area Income",
        "Avg. Area House Age",
        "Avg. Area Number of Rooms",
        "Avg. Area Number of Bedrooms",
        "Area Population",
    )
    target = "Price"

    def generate(self) -> pd.DataFrame:
        return generate_housing()

    def new_estimator(self) -> Any:
        from sklearn.linear_model import LinearRegression

        return LinearRegression()

    def judge(self, estimator: Any, rows: pd.DataFrame, truths: NDArray[np.float64]) -> dict[str, Any]:
        values = estimator.predict(rows)
        return {
            "mean_squared_error": mean_squared_error(truths, values),
            "mean_absolute_error": mean_absolute_error(truths, values),
            "r2_score": r2_score(truths, values),
        }

    def scores(self, estimator: Any, rows: pd.DataFrame) -> NDArray[np.float64] | None:
        return None
