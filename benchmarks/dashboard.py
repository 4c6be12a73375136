"""The dashboard's figures, each beside its control: ``make bench-dashboard``, or ``python -m benchmarks.dashboard``.

Prints one line for each figure on stdout and what is being done on stderr; exits with 1 if any figure is short.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from benchmarks import dashboard_charts, dashboard_client, dashboard_models, dashboard_pages, store
from benchmarks.store import Part

PARTS: Mapping[str, Part] = {
    "pages": dashboard_pages.measure,
    "charts": dashboard_charts.measure,
    "client": dashboard_client.measure,
    "models": dashboard_models.measure,
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
