"""The anomaly app's figures beside their controls: ``make bench-serving``, or ``python -m benchmarks.serving``.

Prints one line for each figure on stdout and what is being done on stderr; exits with 1 if any figure is short.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from benchmarks import serving_batches, serving_exactness, serving_requests, store
from benchmarks.store import Part

PARTS: Mapping[str, Part] = {
    "exactness": serving_exactness.measure,
    "batches": serving_batches.measure,
    "requests": serving_requests.measure,
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
