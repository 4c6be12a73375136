"""The history of job runs in the embedded store: ``records/job_runs/<job>/<month of the slot>.jsonl``, append-only.

A run is the sum of its lines: ``claimed``, then ``renewed`` any number of times, then ``finished``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ml_core.clock import as_utc, format_time, parse_time
from ml_core.records import JobRun, RunLease, RunState
from ml_core.store.json_segments import append_to_segment, read_segment, segment_lock
from ml_core.store.json_views import list_segments
from ml_core.store.names import check_word, is_word
from ml_core.store.run_rules import is_held, next_fence


class JsonRuns:
    """The runs below one folder; the lock of a job's folder makes each look and its line one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim(self, job: str, slot: datetime, now: datetime, lease: timedelta, holder: str) -> RunLease | None:
        check_word("job", job)
        with segment_lock(self.folder / job):
            path = self._path(job, slot)
            fence = next_fence(_of_slot(_runs(path), slot), now)
            if fence is None:
                return None
            append_to_segment(path, [_claimed(slot, fence, holder, now, now + lease)])
            return RunLease(job, as_utc(slot), fence, as_utc(now + lease))

    def renew(self, held: RunLease, now: datetime, lease: timedelta) -> RunLease | None:
        until = as_utc(now + lease)
        line = _line("renewed", held.slot, held.fence) | {"lease_until_time": format_time(until)}
        return replace(held, until_time=until) if self._append_if_held(held, line) else None

    def finish(self, held: RunLease, now: datetime, state: RunState, message: str | None, log_tail: str) -> bool:
        return self._append_if_held(held, _finished(held.slot, held.fence, now, state, message, log_tail))

    def list_jobs(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*") if list_segments(path))

    def list_runs(self, job: str, newest: int) -> list[JobRun]:
        if not is_word(job):
            return []  # such as ../predictions/churn, which lies here and is no job
        found: list[JobRun] = []
        for path in reversed(list_segments(self.folder / job)):
            found = _runs(path) + found
            if len(found) >= newest:
                break
        return found[max(0, len(found) - newest) :]

    def put(self, job: str, runs: Sequence[JobRun]) -> None:
        by_path: defaultdict[Path, list[dict[str, Any]]] = defaultdict(list)
        for run in runs:
            by_path[self._path(job, run.slot)] += _lines(run)
        with segment_lock(self.folder / job):
            for path, lines in sorted(by_path.items()):
                append_to_segment(path, lines)

    def _append_if_held(self, held: RunLease, line: dict[str, Any]) -> bool:
        with segment_lock(self.folder / held.job):
            path = self._path(held.job, held.slot)
            if not is_held(held, _of_slot(_runs(path), held.slot)):
                return False
            append_to_segment(path, [line])
            return True

    def _path(self, job: str, slot: datetime) -> Path:
        return self.folder / job / f"{as_utc(slot):%Y-%m}.jsonl"


def _line(event: str, slot: datetime, fence: int) -> dict[str, Any]:
    return {"event": event, "slot": format_time(slot), "fence": fence}


def _claimed(slot: datetime, fence: int, holder: str, time: datetime, until: datetime) -> dict[str, Any]:
    facts = {"holder": holder, "time": format_time(time), "lease_until_time": format_time(until)}
    return _line("claimed", slot, fence) | facts


def _finished(
    slot: datetime, fence: int, time: datetime, state: RunState, message: str | None, log_tail: str
) -> dict[str, Any]:
    facts = {"state": state, "time": format_time(time), "message": message, "log_tail": log_tail}
    return _line("finished", slot, fence) | facts


def _lines(run: JobRun) -> list[dict[str, Any]]:
    """Return the lines that a run is the sum of; the first one begins it anew if it is there already."""
    lines = [_claimed(run.slot, run.fence, run.holder, run.started_time, run.lease_until_time)]
    if run.finished_time is not None:
        lines.append(_finished(run.slot, run.fence, run.finished_time, run.state, run.message, run.log_tail))
    return lines


def _of_slot(runs: Iterable[JobRun], slot: datetime) -> list[JobRun]:
    return [run for run in runs if run.slot == slot]


def _runs(path: Path) -> list[JobRun]:
    """Return the runs of a file by slot and fence."""
    runs: dict[tuple[datetime, int], JobRun] = {}
    for line in read_segment(path)[0]:
        slot, fence = parse_time(line["slot"]), line["fence"]
        if line["event"] == "claimed":
            started, until = parse_time(line["time"]), parse_time(line["lease_until_time"])
            runs[slot, fence] = JobRun(path.parent.name, slot, fence, line["holder"], "running", started, until)
        elif (slot, fence) not in runs:
            continue  # the line that claimed it is damaged, which is logged: there is no run to add to
        elif line["event"] == "renewed":
            runs[slot, fence] = replace(runs[slot, fence], lease_until_time=parse_time(line["lease_until_time"]))
        else:
            runs[slot, fence] = replace(
                runs[slot, fence],
                state=line["state"],
                finished_time=parse_time(line["time"]),
                message=line["message"],
                log_tail=line["log_tail"],
            )
    return [runs[key] for key in sorted(runs)]
