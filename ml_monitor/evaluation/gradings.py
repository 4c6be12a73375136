"""Grades the estimates of a model when the truth of their chunks has come, and mutes those that miss too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_core.clock import format_time
from ml_monitor.monitoring.estimation.grading import GradingState, grade
from ml_monitor.monitoring.results import Measured, Undefined
from ml_monitor.results.results_store import Result

MUTED = "muted: its band has missed the realised value too often, so no alert rests on it"
_ENOUGH_LABELS = 0.9
"""The share of a chunk's rows with truth from which on its realised value says enough about its estimate."""


_KEPT_VERSIONS = 10


class Gradings:
    """The gradings of one model, by chunking, metric and version: a new version has an estimator of its own."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._states = {name: GradingState.from_dict(state) for name, state in content.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; the constructor takes them back."""
        newest = sorted({_version_in(name) for name in self._states})[-_KEPT_VERSIONS:]
        return {name: state.to_dict() for name, state in sorted(self._states.items()) if _version_in(name) in newest}

    def grade(self, results: Sequence[Result], version: int | None = None) -> list[Result]:
        """Return a chunk's results, those of muted estimates with a note, after its truth has counted.

        ``version`` is the one whose estimator has estimated.
        """
        realised = {each.name: each.value for each in results if each.group == "performance" and not each.segment}
        coverage = next((each.value for each in results if each.name == "label_coverage"), 0.0)
        is_labelled = not isinstance(coverage, Undefined) and coverage >= _ENOUGH_LABELS
        graded = []
        for result in results:
            if result.group == "estimate" and result.name in realised:
                name = f"{result.chunk}/{result.name}"
                if version is not None:
                    # What was kept before versions were told apart goes to the first that comes.
                    before = self._states.pop(name, None)
                    name = f"{name}/{version}"
                    if before is not None:
                        self._states.setdefault(name, before)
                state = self._states.get(name, GradingState())
                if is_labelled:
                    estimate = Measured(result.value, result.standard_error, result.rows)
                    state = grade(state, format_time(result.start_time), estimate, realised[result.name])
                    self._states[name] = state
                if state.is_muted:
                    result = replace(result, notes=(*result.notes, MUTED))
            graded.append(result)
        return graded


def _version_in(name: str) -> int:
    """Return the version in the name of a grading, 0 if it has none."""
    parts = name.split("/")
    return int(parts[2]) if len(parts) > 2 else 0
