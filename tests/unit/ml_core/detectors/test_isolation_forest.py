"""A scorer is read back as it was written, and one that does not say what scikit-learn said is found out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml_core.detectors.isolation_forest import (
    GRID_FILE,
    SCORER_FILE,
    Probes,
    labels_of,
    load_scorer,
    make_probes,
    make_scorer,
    save_scorer,
)
from tests.forests import a_forest, hard_rows, sklearn_scores


def written(folder: Path, features: int = 2) -> Path:
    estimator = a_forest(features)
    scorer = make_scorer(estimator)
    save_scorer(folder, scorer, make_probes(estimator, scorer.forest))
    return folder


def rewrite(folder: Path, **changes: object) -> None:
    with np.load(folder / SCORER_FILE) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(folder / SCORER_FILE, **{**arrays, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("features", [1, 2, 4])
def test_a_scorer_read_back_scores_as_scikit_learn_does(tmp_path: Path, features: int) -> None:
    scorer, differences = load_scorer(written(tmp_path, features))
    assert differences == []
    assert (scorer.grid is not None) == (features <= 2)
    rows = hard_rows(scorer.forest, count=20)
    assert scorer.fastest.scores(rows).tolist() == sklearn_scores(a_forest(features), rows).tolist()


def test_a_grid_is_mapped_so_that_processes_share_it(tmp_path: Path) -> None:
    scorer, _ = load_scorer(written(tmp_path))
    assert scorer.grid is not None
    assert isinstance(scorer.grid.table, np.memmap)


def test_probes_lie_on_limits_beside_them_and_beyond_float32() -> None:
    estimator = a_forest(2)
    forest = make_scorer(estimator).forest
    probes = make_probes(estimator, forest)
    assert np.isin(probes.rows[:, 0], forest.limit).sum() >= 100
    assert (np.abs(probes.rows) > 3.5e38).any()
    assert np.isfinite(probes.rows).all()
    assert set(probes.labels) == {-1, 1}


def test_a_score_off_by_the_last_bit_is_found(tmp_path: Path) -> None:
    written(tmp_path)
    with np.load(tmp_path / SCORER_FILE) as file:
        scores = file["probe_scores"].copy()
    scores[17] = np.nextafter(scores[17], 0)
    rewrite(tmp_path, probe_scores=scores)
    _, differences = load_scorer(tmp_path)
    assert differences == [
        "the threshold grid differs from scikit-learn on rows together",
        "the threshold grid differs from scikit-learn on rows one by one",
        "the tree walk differs from scikit-learn on rows together",
        "the tree walk differs from scikit-learn on rows one by one",
    ]


def test_another_label_is_found(tmp_path: Path) -> None:
    written(tmp_path, features=4)
    with np.load(tmp_path / SCORER_FILE) as file:
        labels = file["probe_labels"].copy()
    labels[3] = -labels[3]
    rewrite(tmp_path, probe_labels=labels)
    _, differences = load_scorer(tmp_path)
    assert differences == [
        "the tree walk differs from scikit-learn on rows together",
        "the tree walk differs from scikit-learn on rows one by one",
    ]


def test_trees_that_are_not_those_that_were_saved_are_found(tmp_path: Path) -> None:
    rewrite(written(tmp_path), samples=make_scorer(a_forest(2)).forest.samples + 1)
    assert load_scorer(tmp_path)[1] == ["the trees are not those that were saved"]


def test_a_wrong_grid_is_found_though_the_walk_is_right(tmp_path: Path) -> None:
    table = np.load(written(tmp_path) / GRID_FILE)
    np.save(tmp_path / GRID_FILE, table + 1e-9)
    assert [each.split(" differs")[0] for each in load_scorer(tmp_path)[1]] == ["the threshold grid"] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", SCORER_FILE), (b"PK\x03\x04 no archive", "zip"), (b"\x80\x04pickle", "allow_pickle")],
)
def test_a_file_that_is_no_scorers_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (written(tmp_path) / SCORER_FILE).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=message):
        load_scorer(tmp_path)


def test_a_scorer_without_an_array_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    np.savez(tmp_path / SCORER_FILE, roots=np.zeros(1))
    with pytest.raises(ValueError, match="not that of a scorer"):
        load_scorer(tmp_path)


def test_a_score_at_the_offset_is_an_inliers() -> None:
    assert labels_of(np.array([-0.5, np.nextafter(-0.5, -1), -0.4]), -0.5).tolist() == [1, -1, 1]


def test_differences_are_none_for_no_probes() -> None:
    scorer = make_scorer(a_forest(4))
    assert scorer.differences(Probes(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))) == []
