"""The rows that packages hand to each other. Plain values: no behaviour beyond what the fields imply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Value = float | str
"""A predicted or true value: a number, or the label of a class."""
Feature = float | int | str | bool | None
Stage = Literal["challenger", "champion", "archived"]
Task = Literal["regression", "binary", "multiclass", "forecast", "anomaly"]
StageAction = Literal["promote", "roll_back"]

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class StageChange:
    """One change of a model's champion: to ``version``, from ``previous`` (None: there was none)."""

    time: datetime
    action: StageAction
    version: int
    previous: int | None


@dataclass(frozen=True, slots=True)
class Model:
    """A named thing that predicts.

    ``seed_id`` is the id by which clients of the first system know it (``model1``). ``headline_metric`` names the
    metric shown where there is room for one. The champion follows from ``stage_changes``, so that promoting and
    rolling back is one conditional write of one row.
    """

    name: str
    title: str
    task: Task
    created_time: datetime
    seed_id: str | None = None
    headline_metric: str | None = None
    stage_changes: tuple[StageChange, ...] = ()

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.name):
            raise ValueError(
                f"name: expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit, "
                f"not {self.name[:70]!r}"
            )

    def champions(self) -> list[int]:
        """Return the versions promoted and not rolled back, oldest first; the last is the champion."""
        stack: list[int] = []
        for change in self.stage_changes:
            if change.action == "promote":
                stack.append(change.version)
            else:
                stack.pop()
        return stack

    def with_change(self, change: StageChange) -> Model:
        """Return the model after one more stage change; raise ``ValueError`` for a roll-back to a wrong version."""
        champions = self.champions()
        if change.action == "roll_back" and (len(champions) < 2 or champions[-2] != change.version):
            raise ValueError(f"version {change.version} is not the one promoted before the champion of {self.name!r}")
        return replace(self, stage_changes=(*self.stage_changes, change))

    @property
    def champion(self) -> int | None:
        """The number of the version that is served, or None."""
        stack = self.champions()
        return stack[-1] if stack else None

    def stage_of(self, version: int) -> Stage:
        """Return the stage of one of this model's versions."""
        if version == self.champion:
            return "champion"
        if any(change.version == version for change in self.stage_changes):
            return "archived"
        return "challenger"


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One input of a model: its name, and whether it is a number or a category."""

    name: str
    kind: Literal["number", "category"]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One trained artifact of a model.

    ``number`` is 0 until the store has assigned it. ``artifact`` is the folder of its files, relative to the setting
    ``artifacts_folder``; ``artifact_sha256`` is the hash of the manifest in it, which hashes the rest.
    """

    model: str
    created_time: datetime
    number: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[FeatureSpec, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None
    artifact_sha256: str | None = None
    reference_rows: int = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """One served output. ``score`` is the probability or anomaly score behind ``value``, where there is one.

    ``scores`` are the probabilities of a classifier of several classes, by the name of the class.
    """

    prediction_id: str
    time: datetime
    features: Mapping[str, Feature]
    value: Value
    score: float | None = None
    version: int | None = None
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The true value known later for one prediction. ``correct`` says that it replaces a wrong one."""

    prediction_id: str
    value: Value
    received_time: datetime
    correct: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one row of a batch was not stored: its position, the field, and what was expected."""

    index: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch. Accepted rows are durable when the receipt is returned.

    ``spooled`` of the accepted rows wait on this machine's disk until the database takes them.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Rejection, ...] = ()
    spooled: int = 0


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What waits on this machine's disk for the database, and how many records the database would not take."""

    records: int = 0
    bytes: int = 0
    oldest_time: datetime | None = None
    poisoned: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """One measured value of a series. It is also the truth of every forecast step that speaks of its ``time``."""

    time: datetime
    value: float
    received_time: datetime
    correct: bool = False


@dataclass(frozen=True, slots=True)
class ForecastStep:
    """One value of a forecast, with the bounds of its 80 and 95 % prediction intervals where it has them."""

    valid_time: datetime
    value: float
    lower_80: float | None = None
    upper_80: float | None = None
    lower_95: float | None = None
    upper_95: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model version said at ``issue_time`` about the coming values of a series, steps in order of time."""

    series: str
    model: str
    issue_time: datetime
    steps: tuple[ForecastStep, ...]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """A metric of a model over ``start_time <= time < end_time``, as sums that merge: its mean is total / count.

    ``version`` 0 stands for all versions, ``segment`` "" for all rows. ``details`` holds what does not merge, such as
    thresholds and verdicts.
    """

    model: str
    metric: str
    start_time: datetime
    end_time: datetime
    count: int
    total: float
    total_of_squares: float
    version: int = 0
    segment: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A small changing thing, such as an alert: any plain values under a kind and a key.

    ``revision`` counts its changes from 1, so that a change can be conditional on what was read.
    """

    kind: str
    key: str
    revision: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something kept that is not as it was written: which record or file, and what was found there."""

    where: str
    found: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check of everything kept came to; ``checked`` says how much was looked at, such as ``12 lines``."""

    checked: str
    problems: tuple[Problem, ...] = ()


RunState = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class RunLease:
    """The right to do a job's work for one slot until ``until_time``. Who gets it later has a higher ``fence``."""

    job: str
    slot: datetime
    fence: int
    until_time: datetime


@dataclass(frozen=True, slots=True)
class JobRun:
    """One execution of a job for one slot; it is lost if it is still running after ``lease_until_time``."""

    job: str
    slot: datetime
    fence: int
    holder: str
    state: RunState
    started_time: datetime
    lease_until_time: datetime
    finished_time: datetime | None = None
    message: str | None = None
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compacting a store came to.

    ``parts`` are the files or tables that were made anew, ``bytes_before`` and ``bytes_after`` what these take on disk.
    ``superseded`` lines were left out, ``damaged`` ones kept: both are of the embedded store alone.
    """

    parts: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    superseded: int = 0
    damaged: int = 0
