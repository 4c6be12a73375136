"""What a trainer is: the columns it needs, how it fits, and which metrics judge it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.records import FeatureSpec, Task

TEST_SIZE = 0.4
RANDOM_STATE = 42
REFERENCE_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted estimator with what was measured on the held-out rows, and a sample of them as the reference."""

    estimator: Any
    metrics: Mapping[str, Any]
    parameters: Mapping[str, Any]
    reference: pd.DataFrame


class Trainer(ABC):
    """Trains one model. Subclasses name it and its columns, and say how to fit and judge it."""

    model: ClassVar[str]
    seed_id: ClassVar[str]
    title: ClassVar[str]
    task: ClassVar[Task]
    headline_metric: ClassVar[str]
    features: ClassVar[tuple[str, ...]]
    target: ClassVar[str]
    binary_target: ClassVar[bool] = False

    @abstractmethod
    def generate(self) -> pd.DataFrame:
        """Return a table drawn from a documented random process, with the columns of the real one."""

    @abstractmethod
    def new_estimator(self) -> Any:
        """Return the estimator, not fitted."""

    @abstractmethod
    def judge(self, estimator: Any, rows: pd.DataFrame, truths: NDArray[np.float64]) -> dict[str, Any]:
        """Return the metrics of a fitted estimator on rows it has not seen."""

    @abstractmethod
    def scores(self, estimator: Any, rows: pd.DataFrame) -> NDArray[np.float64] | None:
        """Return the probability behind each value, or None where there is none.

        Of more than two classes the probability of each, in the order of the estimator's ``classes_``.
        """

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The features as the registry keeps them; all of ours are numbers."""
        return tuple(FeatureSpec(name, "number") for name in self.features)

    def train(self, table: pd.DataFrame) -> Trained:
        """Split the table, fit on one part and judge on the other, as the first system does."""
        from sklearn.model_selection import train_test_split

        rows, targets = table[list(self.features)], table[self.target].to_numpy(dtype=np.float64)
        if self.binary_target:
            targets = targets.astype(np.int64)  # so that the model's labels are 0 and 1, not 0.0 and 1.0
        split = train_test_split(rows, targets, test_size=TEST_SIZE, random_state=RANDOM_STATE)
        train_rows, test_rows, train_targets, test_targets = split
        estimator = self.new_estimator().fit(train_rows, train_targets)
        return Trained(
            estimator=estimator,
            metrics=self.judge(estimator, test_rows, test_targets),
            parameters={
                "test_size": TEST_SIZE,
                "random_state": RANDOM_STATE,
                **plain_parameters(estimator),
            },
            reference=self.reference(estimator, test_rows, test_targets),
        )

    def reference(self, estimator: Any, rows: pd.DataFrame, truths: NDArray[Any]) -> pd.DataFrame:
        """Return held-out rows with value, score and truth: what later predictions are compared with."""
        reference = rows.reset_index(drop=True).assign(value=estimator.predict(rows), truth=truths)
        scores = self.scores(estimator, rows)
        if scores is not None and scores.ndim == 1:
            reference["score"] = scores
        elif scores is not None:
            names = [f"score:{name}" for name in estimator.classes_.tolist()]
            reference[names] = scores
        if len(reference) <= REFERENCE_ROWS:
            return reference
        return reference.sample(REFERENCE_ROWS, random_state=RANDOM_STATE).sort_index()


def plain_parameters(estimator: Any) -> dict[str, Any]:
    """Return an estimator's kind and those of its parameters that the registry can keep."""
    named = estimator.get_params().items()
    plain = {name: value for name, value in named if value is None or isinstance(value, (bool, int, float, str))}
    return {"estimator": type(estimator).__name__, **plain}
