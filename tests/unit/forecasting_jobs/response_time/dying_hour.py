"""A process that does the hour at a given time and is killed by the call to the store that its arguments name."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.parts import make_parts
from ml_core.clock import FixedClock, parse_time
from ml_core.config import load_settings
from ml_core.jobs.runner import run_job
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store

time, method, number = sys.argv[1:]
whole, calls = getattr(JsonStore, method), 0


def dying(*arguments: Any, **named: Any) -> Any:
    """Do what the method does, but be killed at the call of that number."""
    global calls
    calls += 1
    if calls == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments, **named)


setattr(JsonStore, method, dying)
settings = load_settings()
parts = make_parts(settings, open_store(settings.store_url.get_secret_value()), FixedClock(parse_time(time)))
run_job(hourly_job(parts), parts.store, parts.clock)
