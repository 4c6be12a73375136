"""Drift beside Evidently 0.7 and NannyML 0.13: CPU time, added memory and values, on the same rows in the same chunks.

15 columns of numbers of several shapes and 5 of categories; from the middle of the current rows on a few columns drift.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, Pairs, Sizes, progress
from benchmarks.monitor_anchors import Answer, anchors_python, ask

NUMBERS = 15
LABELS = (2, 4, 8, 20, 50)
MOST_ADDED_MEMORY = 0.25


@dataclass(frozen=True, slots=True)
class Race:
    """One task of an anchor, ours by name, and the least share that ours must take of its time."""

    anchor: str
    ours: str
    title: str
    times_less: float

    @property
    def library(self) -> str:
        """The anchor's name as it is written."""
        return "Evidently" if self.anchor.startswith("evidently") else "NannyML"


RACES = (
    Race("evidently ks", "evidently ks", "exact KS of 15 columns", 20),
    Race("evidently wasserstein", "evidently wasserstein", "exact Wasserstein of 15 columns", 20),
    Race("evidently chi2", "evidently chi2", "chi2 of 5 columns of texts", 20),
    Race("nannyml ks", "nannyml ks", "summed-up KS of 15 columns", 4),
    Race("nannyml js", "nannyml js", "Jensen-Shannon of 20 columns", 4),
    Race("nannyml chi2", "nannyml chi2", "chi2 of 5 columns", 10),
    Race("nannyml wasserstein", "nannyml exact wasserstein", "exact Wasserstein of 15 columns", 1 / 1.1),
)
MANY = (
    Race("nannyml ks", "nannyml ks", "KS of 15 columns", 1),
    Race("nannyml js", "nannyml js", "Jensen-Shannon of 20 columns", 1),
    Race("nannyml chi2", "nannyml chi2", "chi2 of 5 columns", 1),
    Race("nannyml pca", "nannyml pca", "PCA of 20 columns", 1),
    Race("nannyml wasserstein", "nannyml wasserstein", "summed-up Wasserstein of 15 columns", 1),
)


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of time, memory and values."""
    python = anchors_python()
    few, many = folder / "few", folder / "many"
    write_tables(few, sizes.monitored_rows)
    answers: dict[str, tuple[Answer, Answer]] = {}
    for race in RACES:
        yield from _race(race, python, few, sizes, answers)
    yield from _values(python, few, sizes, answers)
    write_tables(many, sizes.many_monitored_rows)
    for race in MANY:
        yield from _race(race, python, many, sizes, {})


def write_tables(folder: Path, rows: int) -> None:
    """Write the reference and the current rows into a new folder."""
    folder.mkdir()
    for side, seed in (("reference", 1), ("current", 2)):
        numbers, codes = _rows(rows, seed, has_drift=side == "current")
        np.save(folder / f"{side}_numbers.npy", numbers)
        np.save(folder / f"{side}_codes.npy", codes)


def _rows(rows: int, seed: int, *, has_drift: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    half = slice(rows // 2, rows) if has_drift else slice(0, 0)
    shapes = (random.standard_normal, random.standard_exponential, random.random)
    columns = [shapes[place % 3](rows) for place in range(NUMBERS)]
    columns[3] = np.exp(columns[3])
    columns[4] = np.floor(columns[4] * 20)
    columns[0][half] += 0.2
    columns[1][half] *= 1.5
    columns[6][half] += columns[9][half] / 2
    codes = [np.minimum(random.geometric(0.3, rows) - 1, labels - 1) for labels in LABELS]
    codes[2][half] = random.integers(0, LABELS[2], rows)[half]
    return np.column_stack(columns), np.column_stack(codes).astype(np.int64)


def _race(
    race: Race, python: str, folder: Path, sizes: Sizes, answers: dict[str, tuple[Answer, Answer]]
) -> Iterator[Figure]:
    rows = len(np.load(folder / "current_codes.npy", mmap_mode="r"))
    progress(f"drift: {race.title} of {rows:,} rows, {race.library}")
    rounds = [
        (_ours(race.ours, folder, sizes), _anchor(python, race.anchor, folder, sizes))
        for _ in range(sizes.anchor_rounds)
    ]
    answers[race.anchor] = rounds[-1]
    pairs = Pairs([theirs.cpu_seconds for _, theirs in rounds], [ours.cpu_seconds for ours, _ in rounds])
    name = f"{race.title}, {rows:,} + {rows:,} rows, CPU time of {race.library} / ours"
    yield Figure(name, pairs.show(_seconds), f"at least {race.times_less:.2g}", pairs.ratio >= race.times_less)
    added = [statistics.median(answer.added_megabytes for answer in side) for side in zip(*rounds, strict=True)]
    share = added[0] / added[1]
    yield Figure(
        f"{race.title}, {rows:,} + {rows:,} rows, added memory of ours / {race.library}",
        f"{share:.2f} [{added[0]:.1f} MB against {added[1]:.1f} MB]",
        f"at most {MOST_ADDED_MEMORY}",
        share <= MOST_ADDED_MEMORY,
    )


def _values(python: str, folder: Path, sizes: Sizes, answers: dict[str, tuple[Answer, Answer]]) -> Iterator[Figure]:
    """Yield differences of values: nothing to speak of where the definitions agree, and how far they lie if not."""
    pca = _ours("nannyml pca", folder, sizes), _anchor(python, "nannyml pca", folder, sizes)
    for title, (ours, theirs) in {
        "KS p-value, Evidently": answers["evidently ks"],
        "Wasserstein / sd, Evidently": answers["evidently wasserstein"],
        "Jensen-Shannon, NannyML": answers["nannyml js"],
        "chi2 statistic, NannyML": answers["nannyml chi2"],
        "PCA error, NannyML": pca,
    }.items():
        largest = _difference(ours, theirs)
        yield Figure(f"largest difference, {title}", f"{largest:.1e}", "at most 1e-9", largest <= 1e-9)
    exact = _ours("nannyml exact ks", folder, sizes)
    ours, theirs = (_difference(answer, exact) for answer in answers["nannyml ks"])
    name = "KS summed up by points of equal weight, and by NannyML's bins of equal width: largest error"
    yield Figure(name, f"{ours:.1e} against {theirs:.1e}", "at most 2.5e-4", ours <= 2.5e-4)
    exact, theirs_binned = answers["nannyml wasserstein"]
    summed_up = _ours("nannyml wasserstein", folder, sizes)
    ours, theirs = _difference(summed_up, exact), _difference(theirs_binned, exact)
    name = "Wasserstein summed up by points, and by NannyML's bins: largest error"
    yield Figure(name, f"{ours:.1e} against {theirs:.1e}", "at most theirs", ours <= theirs)


def _ours(task: str, folder: Path, sizes: Sizes) -> Answer:
    return ask(sys.executable, "monitor_drift_ours.py", [task, folder, str(sizes.chunks)])


def _anchor(python: str, task: str, folder: Path, sizes: Sizes) -> Answer:
    return ask(python, "monitor_drift_anchors.py", [task, folder, str(sizes.chunks)])


def _difference(ours: Answer, theirs: Answer) -> float:
    assert ours.values.keys() == theirs.values.keys()
    return max(float(np.max(np.abs(np.subtract(ours.values[name], theirs.values[name])))) for name in ours.values)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f} s"
