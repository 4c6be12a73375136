"""A process that does the hour at a given time, and is killed by a call that its arguments name, if they do.

``dying_hour.py TIME [module:Class.method NUMBER [before|after]]``: at that call of the method, before or after it is
done.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.parts import make_parts
from ml_core.clock import FixedClock, parse_time
from ml_core.config import load_settings
from ml_core.jobs.runner import run_job
from ml_core.store.opening import open_store

time, *death = sys.argv[1:]


def doom(target: str, number: int, when: str = "before") -> None:
    """Have the process killed at a call of a method."""
    module, _, name = target.partition(":")
    owner, method = name.split(".")
    doomed = getattr(importlib.import_module(module), owner)
    whole, calls = getattr(doomed, method), 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = whole(*arguments, **named)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(doomed, method, dying)


if death:
    doom(death[0], int(death[1]), *death[2:])
settings = load_settings()
parts = make_parts(settings, open_store(settings.store_url.get_secret_value()), FixedClock(parse_time(time)))
raise SystemExit(run_job(hourly_job(parts), parts.store, parts.clock))
