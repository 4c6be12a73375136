"""Windows of link traffic in plain JSON: read strictly, each wrong field named, and answered by a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ml_core.clock import parse_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.window_spec import WindowSpec
from ml_core.forecasters.windowed_network import WindowedNetwork
from ml_core.timeseries.series import LARGEST_VALUE

DIRECTIONS = ("rx_gbs", "tx_gbs")
_SHOWN_NAMES = 20
Window = tuple[tuple[str, str], datetime, list[list[float]]]


def answers(network: WindowedNetwork, windows: Any) -> list[dict[str, Any]]:
    """Return the answer of a network to each window; raise ``InvalidInput`` that names each wrong field."""
    if not isinstance(windows, list):
        raise _refused([FieldError("windows", "expected a list of windows")])
    if not windows:
        return []
    spec, wrong = network.spec, list[FieldError]()
    read = [_read(spec, f"windows[{number}]", window, wrong) for number, window in enumerate(windows)]
    if wrong:
        raise _refused(wrong)
    pairs, times, values = zip(*(each for each in read if each is not None), strict=True)
    seconds = np.array([int(time.timestamp()) for time in times], dtype=np.int64)
    steps = network.forecast(np.array(values), pairs, seconds)
    return [_answer(spec, time, each) for time, each in zip(times, steps, strict=True)]


def _read(spec: WindowSpec, place: str, window: Any, wrong: list[FieldError]) -> Window | None:
    """Return pair, time and ``(window + 1, 2)`` values; add to ``wrong`` what is wrong with a window."""
    if not isinstance(window, Mapping):
        wrong.append(FieldError(place, "expected an object"))
        return None
    before = len(wrong)
    pair = _read_pair(spec, place, window, wrong)
    time = _read_time(place, window.get("time"), wrong)
    series = [_read_values(spec, f"{place}.{name}", window.get(name), wrong) for name in DIRECTIONS]
    return None if len(wrong) > before else (pair, time, [list(both) for both in zip(*series, strict=True)])


def _read_pair(spec: WindowSpec, place: str, window: Mapping[str, Any], wrong: list[FieldError]) -> tuple[str, str]:
    pair = window.get("link"), window.get("location")
    known = True
    for name, given, names in zip(("link", "location"), pair, (spec.links, spec.locations), strict=True):
        if given not in names:
            expected = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
            wrong.append(FieldError(f"{place}.{name}", f"expected one of {expected}, not {str(given)[:70]!r}"))
            known = False
    if known and pair not in spec.scalers:
        wrong.append(FieldError(f"{place}.location", f"link {pair[0]!r} was not known at {pair[1]!r} in training"))
    return str(pair[0]), str(pair[1])


def _read_time(place: str, given: Any, wrong: list[FieldError]) -> datetime:
    try:
        return parse_time(str(given))
    except ValueError as error:
        wrong.append(FieldError(f"{place}.time", str(error)))
        return datetime.min


def _read_values(spec: WindowSpec, field: str, given: Any, wrong: list[FieldError]) -> list[float]:
    expected = spec.window + 1
    if not isinstance(given, list) or len(given) != expected:
        found = f"{len(given)}" if isinstance(given, list) else "something else"
        wrong.append(FieldError(field, f"expected a list of {expected} numbers, not {found}"))
        return []
    for number, value in enumerate(given):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or abs(value) > LARGEST_VALUE:
            wrong.append(FieldError(f"{field}[{number}]", f"expected a finite number, not {str(value)[:40]!r}"))
            return []
    return [float(value) for value in given]


def _answer(spec: WindowSpec, time: datetime, steps: np.ndarray) -> dict[str, Any]:
    ahead = timedelta(seconds=spec.step_seconds)
    times = [(time + number * ahead).isoformat() for number in range(1, spec.horizon + 1)]
    return {"rx_gbs": steps[:, 0].tolist(), "tx_gbs": steps[:, 1].tolist(), "time": times}


def _refused(wrong: Sequence[FieldError]) -> InvalidInput:
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return InvalidInput(f"{first.field}: {first.message}{more}", wrong)
