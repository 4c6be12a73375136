"""The metrics of a binary classifier beside Evidently 0.7: CPU time, added memory and values, on the same chunks."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, Pairs, Sizes, progress
from benchmarks.monitor_anchors import anchors_python, ask
from benchmarks.monitor_performance import draw

TIMES_LESS = 50
_MOST_ADDED_MEMORY = 0.25
_EXACT = 1e-9


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures beside Evidently's classification metrics."""
    python, rows = anchors_python(), sizes.monitored_rows
    progress(f"classification: 6 metrics of {rows:,} rows in {sizes.chunks} chunks, Evidently")
    tables = folder / "classified"
    write_columns(tables, rows)
    arguments = [tables, str(sizes.chunks)]
    rounds = [
        (
            ask(sys.executable, "monitor_classification_ours.py", arguments),
            ask(python, "monitor_classification_anchors.py", arguments),
        )
        for _ in range(sizes.anchor_rounds)
    ]
    pairs = Pairs([theirs.cpu_seconds for _, theirs in rounds], [ours.cpu_seconds for ours, _ in rounds])
    name = f"6 metrics of a classifier, {rows:,} rows"
    yield Figure(
        f"{name}, CPU time of Evidently / ours with standard errors",
        pairs.show(lambda seconds: f"{seconds:.3f} s"),
        f"at least {TIMES_LESS}",
        pairs.ratio >= TIMES_LESS,
    )
    added = [statistics.median(answer.added_megabytes for answer in side) for side in zip(*rounds, strict=True)]
    share = added[0] / added[1]
    yield Figure(
        f"{name}, added memory of ours / Evidently",
        f"{share:.2f} [{added[0]:.1f} MB against {added[1]:.1f} MB]",
        f"at most {_MOST_ADDED_MEMORY}",
        share <= _MOST_ADDED_MEMORY,
    )
    ours, theirs = rounds[-1]
    largest = max(
        float(np.max(np.abs(np.subtract(ours.values[metric], theirs.values[metric])))) for metric in ours.values
    )
    yield Figure(
        f"{name}: largest difference to Evidently's", f"{largest:.1e}", f"at most {_EXACT:g}", largest <= _EXACT
    )


def write_columns(folder: Path, rows: int) -> None:
    """Write truths, values and scores of a fair classifier into a new folder."""
    folder.mkdir()
    scored = draw(rows)
    # Evidently takes the label from the score again, and 0.5 for positive.
    columns = {"truths": scored.truths, "values": (scored.scores >= 0.5).astype(np.float64), "scores": scored.scores}
    for name, values in columns.items():
        np.save(folder / f"{name}.npy", values)
