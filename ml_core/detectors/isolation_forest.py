"""The scorer of an isolation forest in a folder: written beside the model, proven anew each time it is read.

``scorer.npz`` holds the trees as arrays, and probes: hard rows with what scikit-learn itself said of them when the
model was trained. ``grid.npy`` is there where one fits. A scorer is used only if it gives the probes' scores and labels
again, to the bit, in every way in which it is going to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ml_core.detectors.base import Floats, Scorer
from ml_core.detectors.forest import Forest, read_forest
from ml_core.detectors.threshold_grid import ThresholdGrid, build_grid
from ml_core.detectors.tree_walk import TreeWalk

SCORER_FILE = "scorer.npz"
GRID_FILE = "grid.npy"
_PROBE_ROWS = 128  # of each kind
_PROBE_SEED = 128
_EXTREMES = (0.0, -0.0, 1e-40, -1e-40, 1e40, -1e40, 3.4028235e38, 1.7e308)


@dataclass(frozen=True, slots=True)
class Probes:
    """Rows, and scikit-learn's scores and labels of them."""

    rows: Floats
    scores: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IsolationForestScorer:
    """A forest with the fastest scorer that fits it; ``offset`` is the score below which a row is an anomaly."""

    forest: Forest
    grid: ThresholdGrid | None
    walk: TreeWalk

    @property
    def fastest(self) -> Scorer:
        """The grid where there is one, else the walk."""
        return self.grid or self.walk

    @property
    def offset(self) -> float:
        return self.forest.offset

    def differences(self, probes: Probes) -> list[str]:
        """Return in which ways the scorers here do not give what scikit-learn has given, a sentence each."""
        found = []
        for name, scorer in (("threshold grid", self.grid), ("tree walk", self.walk)):
            if scorer is None:
                continue
            if not _same(scorer.scores(probes.rows), probes, self.offset):
                found.append(f"the {name} differs from scikit-learn on rows together")
            if not _same(np.array([scorer.score(row) for row in probes.rows.tolist()]), probes, self.offset):
                found.append(f"the {name} differs from scikit-learn on rows one by one")
        return found


def labels_of(scores: Floats, offset: float) -> NDArray[np.int64]:
    """Return 1 for each inlier and -1 for each anomaly, decided as scikit-learn's ``predict`` does."""
    return np.where(scores - offset < 0, -1, 1)


def make_scorer(estimator: Any) -> IsolationForestScorer:
    """Return the scorer of a fitted ``sklearn.ensemble.IsolationForest``."""
    forest = read_forest(estimator)
    return IsolationForestScorer(forest, build_grid(forest), TreeWalk(forest))


def make_probes(estimator: Any, forest: Forest) -> Probes:
    """Return hard rows with scikit-learn's answers: on the limits and beside them, between them, and far out."""
    random = np.random.default_rng(_PROBE_SEED)
    limits = [_limits_of(forest, feature) for feature in range(forest.features)]

    def drawn(choices: Sequence[Floats]) -> Floats:
        return np.column_stack([random.choice(column, _PROBE_ROWS) for column in choices])

    on = drawn(limits)
    between = np.column_stack([random.uniform(column.min() - 1, column.max() + 1, _PROBE_ROWS) for column in limits])
    extremes = drawn([np.concatenate([column[:64], _EXTREMES]) for column in limits])
    rows = np.vstack([on, np.nextafter(drawn(limits), np.inf), np.nextafter(drawn(limits), -np.inf), between, extremes])
    with np.errstate(over="ignore"):  # scikit-learn rounds to float32
        return Probes(rows, estimator.score_samples(rows), estimator.predict(rows).astype(np.int64))


def save_scorer(folder: Path, scorer: IsolationForestScorer, probes: Probes) -> None:
    """Write the files of a scorer."""
    arrays: dict[str, Any] = {
        **scorer.forest.arrays(),
        "trees_sha256": np.array(scorer.forest.sha256()),
        "probe_rows": probes.rows,
        "probe_scores": probes.scores,
        "probe_labels": probes.labels,
    }
    if scorer.grid is not None:
        arrays |= {"grid_limits_0": scorer.grid.limits[0], "grid_limits_1": scorer.grid.limits[1]}
        np.save(folder / GRID_FILE, scorer.grid.table, allow_pickle=False)
    np.savez(folder / SCORER_FILE, allow_pickle=False, **arrays)


def load_scorer(folder: Path) -> tuple[IsolationForestScorer, list[str]]:
    """Return the scorer in ``folder``, and in which ways it differs from what scikit-learn has said: empty if none.

    Raises ``ValueError`` or ``OSError`` if the files are not those of a scorer.
    """
    try:
        # Opened here: numpy leaves a file open that turns out to be none of its own.
        with (folder / SCORER_FILE).open("rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        forest = Forest.from_arrays(arrays)
        scorer = IsolationForestScorer(forest, _load_grid(folder, arrays), TreeWalk(forest))
        probes = Probes(arrays["probe_rows"], arrays["probe_scores"], arrays["probe_labels"])
        if forest.sha256() != arrays["trees_sha256"].item():
            return scorer, ["the trees are not those that were saved"]
        return scorer, scorer.differences(probes)
    except (KeyError, EOFError, TypeError, IndexError, BadZipFile) as error:
        raise ValueError(f"{SCORER_FILE} is not that of a scorer: {error}") from error


def _load_grid(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> ThresholdGrid | None:
    if "grid_limits_0" not in arrays:
        return None
    # Mapped, so that the workers of an app share it, and only what is asked for is read.
    table = np.load(folder / GRID_FILE, mmap_mode="r", allow_pickle=False)
    return ThresholdGrid((arrays["grid_limits_0"], arrays["grid_limits_1"]), table)


def _limits_of(forest: Forest, feature: int) -> Floats:
    limits = forest.limit[~forest.is_leaf() & (forest.feature == feature)]
    return np.unique(limits) if len(limits) else np.zeros(1)


def _same(scores: Floats, probes: Probes, offset: float) -> bool:
    return scores.tobytes() == probes.scores.tobytes() and np.array_equal(labels_of(scores, offset), probes.labels)
