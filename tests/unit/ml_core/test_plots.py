"""Pictures for mails: real PNGs that show the lines, also with gaps and nothing at all."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import timedelta

import numpy as np
from PIL import Image

from ml_core.plots import Limit, Line, Mark, Shares, plain_text, shares_chart, time_chart
from tests.factories import NOON

TIMES = [NOON + timedelta(hours=number) for number in range(24)]
VALUES: list[float | None] = [float(number % 5) for number in range(24)]


def colours(png: bytes) -> set[tuple[int, int, int]]:
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    return {tuple(int(part) for part in colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}  # type: ignore[misc]


def test_a_chart_is_a_png_that_shows_each_line_and_limit_in_its_colour() -> None:
    lines = [Line("realised", TIMES, VALUES, errors=[0.1] * 24), Line("estimate", TIMES, VALUES[::-1], dashed=True)]
    png = time_chart("ROC AUC", "auc", lines, limits=[Limit("limit", 3.5)], marks=[Mark("deployed", TIMES[3])])
    assert png.startswith(b"\x89PNG")
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0xA3, 0x15, 0x15)} <= colours(png)


def test_the_same_input_gives_the_same_picture() -> None:
    assert time_chart("t", "y", [Line("a", TIMES, VALUES)]) == time_chart("t", "y", [Line("a", TIMES, VALUES)])


def test_gaps_a_limit_that_moves_and_an_empty_line_are_drawn() -> None:
    gaps: list[float | None] = [None if number % 7 == 0 else value for number, value in enumerate(VALUES)]
    png = time_chart("t", "y", [Line("a", TIMES, gaps, errors=gaps)], limits=[Limit("upper", gaps)])
    assert (0xA3, 0x15, 0x15) in colours(png)
    assert time_chart("t", "y", [Line("a", [], [])]).startswith(b"\x89PNG")


def test_counts_are_drawn_from_zero_on() -> None:
    line = Line("a", TIMES, [1000.0 + number for number in range(24)])
    assert time_chart("t", "y", [line]) != time_chart("t", "y", [line], from_zero=True)


def test_two_distributions_are_drawn_over_bins_or_labels() -> None:
    for places in ((0.0, 1.0, 2.0), ("yes", "$no$")):
        png = shares_chart("income", Shares(places, (0.5, 0.5), (0.1, 0.9)))
        assert {(0xB5, 0xB5, 0xB5), (0, 0x72, 0xB2)} <= colours(png)


def test_texts_of_clients_are_no_maths_and_one_line() -> None:
    assert plain_text("a\nb  $x^2$") == r"a b \$x^2\$"
    assert plain_text("x" * 200) == "x" * 99 + "…"
    shares = Shares(("$\\frac$", "b"), (1.0, 0.0), (0.0, 1.0))
    assert shares_chart(plain_text("$\\frac$"), shares).startswith(b"\x89PNG")


def test_matplotlib_is_not_loaded_before_the_first_picture() -> None:
    code = "import sys, ml_core.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
