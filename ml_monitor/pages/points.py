"""One metric of one chunk as pages show it: its value, its bounds, and what the rules say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result

JudgedState = Literal["ok", "beyond", "undefined", "not judged"]


@dataclass(frozen=True, slots=True)
class Point:
    """One metric of one chunk; ``undefined`` says why it has no value. ``lower`` and ``upper`` are its threshold's.

    ``standard_error`` is what chance alone makes of it, None where no formula gives one; ``rules`` name who judges it.
    """

    value: float | None
    undefined: str | None
    rows: int
    lower: float | None
    upper: float | None
    state: JudgedState
    notes: tuple[str, ...]
    standard_error: float | None = None
    p_value: float | None = None
    rules: tuple[str, ...] = ()


def point_shown(result: Result) -> Point:
    """Return a result as a point; of several rules the strictest bounds, since they are crossed first."""
    verdicts = result.verdicts.values()
    lower = [verdict["lower"] for verdict in verdicts if verdict["lower"] is not None]
    upper = [verdict["upper"] for verdict in verdicts if verdict["upper"] is not None]
    value, undefined = value_of(result)
    return Point(
        value=value,
        undefined=undefined,
        rows=result.rows,
        lower=max(lower, default=None),
        upper=min(upper, default=None),
        state=state_of(verdicts, undefined),
        notes=result.notes,
        standard_error=result.standard_error,
        p_value=result.p_value,
        rules=tuple(result.verdicts),
    )


def value_of(result: Result) -> tuple[float | None, str | None]:
    """Return a result's value and None, or None and the reason why there is none."""
    return (None, result.value.reason) if isinstance(result.value, Undefined) else (result.value, None)


def state_of(verdicts: Iterable[Mapping[str, object]], undefined: str | None) -> JudgedState:
    """Return what rules say of a result together: one that holds it to be bad outweighs all that do not."""
    said = {verdict["state"] for verdict in verdicts}
    if undefined is not None or said == {"undefined"}:
        return "undefined"
    if "beyond" in said:
        return "beyond"
    return "ok" if said else "not judged"
