"""What one operation costs its process. It imports nothing but the standard library, so that any Python can use it."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def report(operation: Callable[[], dict[str, Any]]) -> None:
    """Do the operation once, after all imports and with all data loaded; print its costs and the values it returns."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # begin the peak of memory anew
    before = _megabytes("VmRSS")
    began = time.process_time()
    values = operation()
    cpu_seconds = time.process_time() - began
    added = _megabytes("VmHWM") - before
    print(json.dumps({"cpu_seconds": cpu_seconds, "added_megabytes": added, "values": values}))


def _megabytes(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)
