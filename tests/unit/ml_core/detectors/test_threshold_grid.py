from __future__ import annotations

import numpy as np
import pytest

from ml_core.detectors.threshold_grid import ThresholdGrid, build_grid
from tests.forests import the_arrays


def test_three_features_have_no_grid() -> None:
    assert build_grid(the_arrays(3)) is None


def test_a_grid_of_too_many_cells_is_not_built() -> None:
    grid = build_grid(the_arrays(2))
    assert grid is not None
    assert build_grid(the_arrays(2), most_cells=grid.table.size - 1) is None
    assert build_grid(the_arrays(2), most_cells=grid.table.size) is not None


def test_a_cell_lies_between_two_limits_and_holds_the_upper_one() -> None:
    grid = ThresholdGrid((np.array([1.0, 2.0]), np.array([10.0])), np.array([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]))
    points = [(1.0, 10.0), (1.5, 10.0), (2.0, 10.5), (2.5, -5.0)]
    assert [grid.score(point) for point in points] == [0.0, 1.0, 1.1, 2.0]
    assert grid.scores(np.array(points)).tolist() == [0.0, 1.0, 1.1, 2.0]


@pytest.mark.parametrize("table", [np.zeros((2, 2)), np.zeros((3, 2), dtype=np.float32)])
def test_a_table_that_does_not_fit_its_limits_is_refused(table: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected a table of float64 of shape \(3, 2\)"):
        ThresholdGrid((np.array([1.0, 2.0]), np.array([10.0])), table)
