"""Generated models whose right answer is known by construction: calibrated or not, with and without concept drift."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Scored(NamedTuple):
    """Rows of a binary model: what came true, its score and its label."""

    truths: Floats
    scores: Floats
    labels: Floats


def binary_rows(
    generator: np.random.Generator, rows: int, *, shift: float = 0.0, distortion: float = 1.0, drift: float = 0.0
) -> Scored:
    """Return rows of a model of one input.

    ``shift`` moves the input, of which the model knows (covariate shift); its score is the true probability to the
    power of ``distortion``; ``drift`` is the share of truths left to a coin, of which it cannot know (concept drift).
    """
    logits = generator.normal(shift, 1.5, rows)
    probabilities = 1 / (1 + np.exp(-logits))
    truths = generator.random(rows) < (1 - drift) * probabilities + drift * 0.5
    return Scored(truths.astype(np.float64), probabilities**distortion, (probabilities > 0.5).astype(np.float64))


class Regressed(NamedTuple):
    """Rows of a regression model: its inputs, what it predicted and what came true."""

    features: dict[str, NDArray[np.generic]]
    predictions: Floats
    truths: Floats


def regression_rows(generator: np.random.Generator, rows: int, *, noisy: float = 0.5, drift: float = 0.0) -> Regressed:
    """Return rows of a model whose error is three times as large in the district "north" and grows with the area.

    ``noisy`` is the share of rows from there; ``drift`` is added to every truth, of which the model cannot know.
    """
    district = np.where(generator.random(rows) < noisy, "north", "south").astype(object)
    area = generator.uniform(50, 150, rows)
    predictions = 1000 * area
    spread = area * np.where(district == "north", 60.0, 20.0)
    truths = predictions + spread * generator.normal(size=rows) + drift
    return Regressed({"district": district, "area": area}, predictions, truths)
