"""The plain values of alerting: what a rule asks, what a chunk says, and the state of one alert."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Direction, Number
from ml_monitor.monitoring.thresholds.base import Judgement

Cause = Literal["performance", "estimate", "drift", "quality", "ingest", "metric"]
Status = Literal["insufficient data", "ok", "pending", "firing", "resolved"]
ShownStatus = Literal["insufficient data", "ok", "pending", "firing", "acknowledged", "silenced", "resolved"]
Outcome = Literal["good", "middling", "bad", "insufficient"]

ALL_MODELS = "*"
"""The model of an alert on what all models share, such as the ingest."""


@dataclass(frozen=True, slots=True)
class AlertKey:
    """Which alert: of a model, for a cause, on a metric or column (``subject``), in a segment ("": all rows)."""

    model: str
    cause: Cause
    subject: str
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alert fires, when it clears, and how often it is told. Raises ``InvalidInput`` for counts below 1.

    It fires on ``bad_chunks`` of the last ``of_chunks`` and clears after ``good_chunks`` in a row; chunks of fewer than
    ``minimum_rows`` rows, or without a value, are insufficient and count as neither.
    """

    bad_chunks: int = 2
    of_chunks: int = 3
    good_chunks: int = 2
    minimum_rows: int = 1
    repeat_after: timedelta = timedelta(hours=4)

    def __post_init__(self) -> None:
        if not 1 <= self.bad_chunks <= self.of_chunks:
            raise refused("bad_chunks", f"1 to of_chunks ({self.of_chunks}), not {self.bad_chunks}")
        if self.good_chunks < 1:
            raise refused("good_chunks", f"at least 1, not {self.good_chunks}")
        if self.minimum_rows < 0:
            raise refused("minimum_rows", f"at least 0, not {self.minimum_rows}")
        if self.repeat_after <= timedelta(0):
            raise refused("repeat_after", f"a duration above 0, not {self.repeat_after}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a threshold said about one chunk: its name, its place in time, and how many rows it was judged by."""

    chunk: str
    chunk_time: datetime
    rows: int
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Counted:
    """A chunk as the alert remembers it."""

    chunk: str
    chunk_time: datetime
    outcome: Outcome
    value: Number
    bound: float | None
    direction: Direction


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has taken up the alert: it is told no more until it has resolved."""

    author: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of the alert before ``until_time``."""

    author: str
    note: str
    until_time: datetime


@dataclass(frozen=True, slots=True)
class Episode:
    """One firing of the alert, from its first bad chunk on. ``newest`` is the bad chunk that came last.

    Episodes of an alert are numbered from 1; ``resolved_time`` is None while it fires.
    """

    number: int
    first_time: datetime
    fired_time: datetime
    newest: Counted
    resolved_time: datetime | None = None
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last notice sent: of which episode, when, and whether it said that it has resolved."""

    episode: int
    time: datetime
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class AlertState:
    """All that is known of one alert.

    ``history`` holds the chunks that may still count, oldest first; chunks up to ``settled_time`` no longer do.
    ``episode`` is the current or last firing, ``status_time`` when the status was entered.
    """

    key: AlertKey
    status: Status = "insufficient data"
    status_time: datetime | None = None
    history: tuple[Counted, ...] = field(default=())
    settled_time: datetime | None = None
    episode: Episode | None = None
    silence: Silence | None = None
    told: Told | None = None

    def is_silenced(self, time: datetime) -> bool:
        """Return whether a silence holds at this time."""
        return self.silence is not None and time < self.silence.until_time

    def shown_status(self, time: datetime) -> ShownStatus:
        """Return the status as people see it: a firing alert may be acknowledged or silenced."""
        if self.status != "firing":
            return self.status
        if self.is_silenced(time):
            return "silenced"
        return "acknowledged" if self.episode and self.episode.acknowledgement else "firing"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of status, for the alert's history: when, from and to what, and the chunk that brought it about."""

    key: AlertKey
    time: datetime
    before: Status
    after: Status
    chunk: Counted
