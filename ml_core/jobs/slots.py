"""Which slots of a job are due: pure functions of the schedule, the history and the time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Missed = Literal["none", "last", "all"]
"""What becomes of slots that nobody ran: left alone, only the newest of them made good, or all of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A slot every ``interval``, counted from the Unix epoch plus ``offset`` (at :05 of each hour: five minutes)."""

    interval: timedelta
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.interval <= timedelta(0):
            raise ValueError(f"interval: expected a positive time, not {self.interval}")

    def slot_at(self, time: datetime) -> datetime:
        """Return the newest slot that is not after ``time``."""
        start = _EPOCH + self.offset
        return start + (time - start) // self.interval * self.interval

    def slots_between(self, after: datetime, until: datetime) -> list[datetime]:
        """Return the slots with ``after < slot <= until``, oldest first."""
        first, last = self.slot_at(after) + self.interval, self.slot_at(until)
        return [first + number * self.interval for number in range((last - first) // self.interval + 1)]


@dataclass(frozen=True, slots=True)
class Due:
    """Slots to run, oldest first, and how many older ones are left out because of the cap."""

    slots: tuple[datetime, ...]
    left_out: int = 0


def due_slots(
    schedule: Schedule, done: Collection[datetime], first_run: datetime | None, now: datetime, missed: Missed, cap: int
) -> Due:
    """Return the slots that are due at ``now``.

    ``done`` are the slots with a run that ended well, ``first_run`` the oldest slot that was ever run (None: never, so
    that nothing was missed yet). ``cap`` bounds how many slots are made good at once; the newest win, since their
    results are what somebody waits for.
    """
    current = schedule.slot_at(now)
    wanted = [current]
    if missed != "none" and first_run is not None and first_run < current:
        wanted = schedule.slots_between(first_run - schedule.interval, current)
    open_slots = [slot for slot in wanted if slot not in done]
    if missed == "last":
        open_slots = open_slots[-1:]
    left_out = max(0, len(open_slots) - cap)
    return Due(tuple(open_slots[left_out:]), left_out)
