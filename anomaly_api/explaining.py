"""Why a row was scored as it was, and what is the nearest that would have been normal, in the words of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anomaly_api.champion import Champion
from ml_core.detectors.explanation import nearest_row


def explain(champion: Champion, vector: Sequence[float]) -> dict[str, Any]:
    """Return what each feature adds to the depth of a row, and the nearest normal row; raise ``ArtifactError``.

    ``nearest_normal_point`` is the row of the reference sample, of those that the model takes for inliers, that is
    nearest in standard deviations; None if the sample holds no inlier.
    """
    found = champion.explainer.explain(vector)
    nearest = nearest_row(champion.normal_rows, vector)
    return {
        "depth": found.depth,
        "expected_depth": found.expected_depth,
        "contributions": dict(zip(champion.names, found.contributions, strict=True)),
        "nearest_normal_point": None if nearest is None else champion.normal_rows[nearest].tolist(),
    }
