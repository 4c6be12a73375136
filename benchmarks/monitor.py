"""The monitor's figures, each measured beside its anchor: ``make bench-monitor``, or ``python -m benchmarks.monitor``.

Prints one line for each figure on stdout and what is being done on stderr; exits with 1 if any figure is short.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from benchmarks import (
    monitor_classification,
    monitor_drift,
    monitor_estimation,
    monitor_exactness,
    monitor_performance,
    store,
)
from benchmarks.store import Part

PARTS: Mapping[str, Part] = {
    "exactness": monitor_exactness.measure,
    "performance": monitor_performance.measure,
    "classification": monitor_classification.measure,
    "drift": monitor_drift.measure,
    "estimation": monitor_estimation.measure,
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
