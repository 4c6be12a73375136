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


class Gradings:
    """The gradings of one model, by chunking and metric."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._states = {name: GradingState.from_dict(state) for name, state in content.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; the constructor takes them back."""
        return {name: state.to_dict() for name, state in sorted(self._states.items())}

    def grade(self, results: Sequence[Result]) -> list[Result]:
        """Return a chunk's results, those of muted estimates with a note, after its truth has counted."""
        realised = {each.name: each.value for each in results if each.group == "performance" and not each.segment}
        coverage = next((each.value for each in results if each.name == "label_coverage"), 0.0)
        is_labelled = not isinstance(coverage, Undefined) and coverage >= _ENOUGH_LABELS
        graded = []
        for result in results:
            if result.group == "estimate" and result.name in realised:
                name = f"{result.chunk}/{result.name}"
                state = self._states.get(name, GradingState())
                if is_labelled:
                    estimate = Measured(result.value, result.standard_error, result.rows)
                    state = grade(state, format_time(result.start_time), estimate, realised[result.name])
                    self._states[name] = state
                if state.is_muted:
                    result = replace(result, notes=(*result.notes, MUTED))
            graded.append(result)
        return graded
