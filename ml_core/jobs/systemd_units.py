"""The jobs as systemd units: a timer for each, one service that all of them start by name, and a target over all.

Times are those of cron, by the clock of the machine's time zone. A call that is missed while the machine is off is made
good by systemd (``Persistent``), once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from ml_core.jobs.cron_block import Place
from ml_core.jobs.cron_times import CronTimes
from ml_core.jobs.known_jobs import KnownJob

PREFIX = "ml-suite"
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ALL = {"minute": frozenset(range(60)), "hour": frozenset(range(24)), "month": frozenset(range(1, 13))}


def units(jobs: Iterable[KnownJob], place: Place) -> dict[str, str]:
    """Return the text of each unit by the name of its file."""
    jobs = list(jobs)
    timers = {f"{PREFIX}-{unit_name(job)}.timer": _timer(job) for job in jobs}
    return {
        f"{PREFIX}.target": _target(timers),
        f"{PREFIX}@.service": _service(place),
        **timers,
    }


def calendar(times: CronTimes) -> list[str]:
    """Return the expressions of systemd.time(7) for when cron would call: two where a day fits by either field."""
    clock = f"{_numbers(times.hours, 'hour')}:{_numbers(times.minutes, 'minute')}:00"
    months = _numbers(times.months, "month")
    by_date = f"*-{months}-{'*' if times.any_day and len(times.days) == 31 else _numbers(times.days)}"
    weekdays = ",".join(_WEEKDAYS[day] for day in sorted(times.weekdays))
    if len(times.weekdays) == 7:
        return [f"{by_date} {clock}"]
    if times.any_day or times.any_weekday:
        return [f"{weekdays} {by_date} {clock}"]
    return [f"{by_date} {clock}", f"{weekdays} *-{months}-* {clock}"]


def unit_name(job: KnownJob) -> str:
    """Return a job's name as the name of a unit may have it, which the service takes for the job's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", job.name)


def _target(timers: Iterable[str]) -> str:
    return "\n".join(
        [
            "[Unit]",
            "Description=Jobs of the ML monitoring suite",
            *(f"Wants={timer}" for timer in timers),
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def _service(place: Place) -> str:
    variables = chain.from_iterable(
        [f"Environment={_quoted(f'{name}={value}')}"] for name, value in place.environment.items()
    )
    return "\n".join(
        [
            "[Unit]",
            "Description=Job %i of the ML monitoring suite",
            "",
            "[Service]",
            "Type=oneshot",
            f"WorkingDirectory={_escaped(str(place.root))}",
            *variables,
            f"ExecStart={_quoted(str(place.python))} -m ml_core.jobs start %i",
            "# Another process does the work now.",
            "SuccessExitStatus=75",
            "",
        ]
    )


def _timer(job: KnownJob) -> str:
    return "\n".join(
        [
            "[Unit]",
            f"Description={job.name}: {_escaped(job.description)}",
            f"PartOf={PREFIX}.target",
            "",
            "[Timer]",
            f"Unit={PREFIX}@{unit_name(job)}.service",
            *(f"OnCalendar={expression}" for expression in calendar(job.times)),
            "AccuracySec=1s",
            "Persistent=true",
            "",
        ]
    )


def _numbers(values: frozenset[int], kind: str = "") -> str:
    if values == _ALL.get(kind):
        return "*"
    return ",".join(f"{value:02}" for value in sorted(values))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    r"""Return text as one word of a unit, in which % begins a specifier, and \ and " are read as in C."""
    escaped = _escaped(text).replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
