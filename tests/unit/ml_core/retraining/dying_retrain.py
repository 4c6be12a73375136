"""A process that trains anew at a given time, and is killed before or after the store does what its arguments name."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from ml_core.clock import FixedClock, parse_time
from ml_core.config import load_settings
from ml_core.process_parts import plain_parts
from ml_core.retraining.retrain import retrain
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store
from ml_models.retraining import owner

time, moment, method = sys.argv[1:]
whole = getattr(JsonStore, method)


def dying(*arguments: Any, **named: Any) -> None:
    """Do what the method does, or not, and be killed."""
    if moment == "after":
        whole(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(JsonStore, method, dying)
settings = load_settings()
store = open_store(settings.store_url.get_secret_value())
retrain(owner(plain_parts(settings, store, FixedClock(parse_time(time)))))
