"""A process that does the hour at a given time, and is killed by a call that its arguments name, if they do.

``dying_hour.py TIME [module:Class.method NUMBER [before|after]]``: at that call of the method, or of a function
``module:function``, before or after it is done. Without arguments it reads lines of them, has a copy of itself do each,
and writes how that ended: the libraries are loaded once for all.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import Any

from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.parts import make_parts
from ml_core.clock import FixedClock, parse_time
from ml_core.config import load_settings
from ml_core.jobs.runner import run_job
from ml_core.store.opening import open_store


def doom(target: str, number: int, when: str = "before") -> None:
    """Have the process killed at a call of a method or function."""
    module, _, name = target.partition(":")
    *owner, method = name.split(".")
    doomed: Any = importlib.import_module(module)
    if owner:
        doomed = getattr(doomed, owner[0])
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


def do(time: str, *death: str) -> int:
    """Do the hour, and return the exit code."""
    if death:
        doom(death[0], int(death[1]), *death[2:])
    settings = load_settings()
    parts = make_parts(settings, open_store(settings.store_url.get_secret_value()), FixedClock(parse_time(time)))
    return int(run_job(hourly_job(parts), parts.store, parts.clock))


def do_in_a_copy(*arguments: str) -> int:
    """Do the hour in a copy of this process, and return how that ended."""
    sys.stdout.flush()
    copy = os.fork()
    if copy:
        return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    code = 1
    try:
        code = do(*arguments)
    except Exception:
        traceback.print_exc()
    os._exit(code)


if sys.argv[1:]:
    raise SystemExit(do(*sys.argv[1:]))
importlib.import_module("xgboost")
for line in sys.stdin:
    print(do_in_a_copy(*line.split()), flush=True)
