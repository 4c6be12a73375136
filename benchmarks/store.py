"""The store's figures, each measured beside its control: ``make bench-store``, or ``python -m benchmarks.store``.

Prints one line for each figure on stdout and what is being done on stderr; exits with 1 if any figure is short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import (
    store_batches,
    store_compaction,
    store_documents,
    store_faults,
    store_groups,
    store_kills,
    store_outage,
    store_reads,
)
from benchmarks.figures import FULL, QUICK, Figure, Sizes, progress

Part = Callable[[Sizes, Path], Iterable[Figure]]

PARTS: Mapping[str, Part] = {
    "documents": store_documents.measure,
    "kills": store_kills.measure,
    "faults": store_faults.measure,
    "batches": store_batches.measure,
    "groups": store_groups.measure,
    "compaction": store_compaction.measure,
    "reads": store_reads.measure,
    "outage": store_outage.measure,
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    parser = argparse.ArgumentParser(prog="benchmarks.store", description="Measure the store beside its controls.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"all if none is given: {', '.join(parts)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs; the values say nothing")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.parts) - set(parts)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    sizes, all_ok = QUICK if chosen.quick else FULL, True
    for name in chosen.parts or parts:
        for figure in _figures(name, parts[name], sizes):
            print(figure.line(), flush=True)
            all_ok = all_ok and figure.ok
    return 0 if all_ok else 1


def _figures(name: str, part: Part, sizes: Sizes) -> Iterator[Figure]:
    """Yield the figures of a part; one that fails is a figure too, and does not take the other parts with it."""
    progress(f"{name} ...")
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        try:
            yield from part(sizes, Path(folder))
        except Exception as error:
            traceback.print_exc()
            yield Figure(name, f"stopped by {type(error).__name__}, see above", "to be measured", met=False)


if __name__ == "__main__":
    sys.exit(main())
