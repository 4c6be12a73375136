from __future__ import annotations

from ml_monitor.pages.calibration_chart import calibration_svg
from ml_monitor.pages.outcomes_reader import CalibrationRow


def test_scores_stand_against_what_came_true() -> None:
    rows = (CalibrationRow(0.1, 0.2, 100, 0.15, 0.35, 0.15), CalibrationRow(0.8, 0.9, 25, 0.85, 0.85, None))
    svg = str(calibration_svg(rows))
    assert 'points="30.0,130.0 170.0,30.0"' in svg
    assert 'class="before" points="30.0,170.0"' in svg
    assert "at worst 35.0 % came true of what was scored 15.0 %" in svg
    assert svg.count("<circle") == 2
    assert 'r="6.0"' in svg and 'r="4.0"' in svg  # a quarter of the rows has half the growth


def test_no_rows_are_an_empty_square() -> None:
    assert "<title>Calibration</title>" in str(calibration_svg(()))
