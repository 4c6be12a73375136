"""The jobs of a crontab, such as one that the setting ``crontab`` names.

A line's job is named by the comment above it, ``# name: what it does``; one that is run by ``python -m ml_core.jobs run
NAME`` has its name there. Only commands of the suite's own packages count.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ml_core.errors import ConfigurationError
from ml_core.jobs.cron_times import CronTimes, parse_cron

_COMMENT = re.compile(r"#\s*([A-Za-z0-9][\w.-]*):\s+(\S.*)")
_LINE = re.compile(r"((?:\S+\s+){5})(.*)")
_COMMAND = re.compile(
    r"python[\d.]*\s+-m\s+((?:ml_core|ml_models|ml_monitor|forecasting_jobs|cloudwatch_engine|anomaly_api)(?:\.\w+)*)(?!\S)(.*)"
)
_SHELL = re.compile(r"[$`*?~{}()<>|&;]")


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job of the crontab: what it is called, when cron calls it, and the module and arguments that it runs.

    ``needs_shell`` tells that its line can only be run by a shell, as cron has one. ``own`` is the setting by which its
    app starts it itself, empty for most.
    """

    name: str
    description: str
    fields: str
    times: CronTimes
    module: str
    arguments: tuple[str, ...]
    needs_shell: bool
    own: str = ""

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["python", "-m", self.module, *self.arguments])


def read_known_jobs(path: Path) -> dict[str, KnownJob]:
    """Return the jobs of a crontab by name, in the order of its lines; raise ``ConfigurationError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"crontab: cannot read {path}: {reason}") from None
    return parse_crontab(text)


def parse_crontab(text: str) -> dict[str, KnownJob]:
    """Return the jobs in a crontab by name, in the order of its lines; raise ``ConfigurationError``."""
    found: dict[str, KnownJob] = {}
    comment: re.Match[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            comment = _COMMENT.fullmatch(line.strip()) or comment
            continue
        job = _job(line.strip(), comment, number)
        comment = None
        if job is not None:
            found[job.name] = job
    return found


def _job(line: str, comment: re.Match[str] | None, number: int) -> KnownJob | None:
    parts = _LINE.fullmatch(line)
    command = _COMMAND.search(parts[2]) if parts else None
    if parts is None or command is None:
        return None  # a variable, or a command of somebody else
    module, rest = command[1], re.split(r"\s(?:\d?>|\||&|;)", f" {command[2]}")[0].replace("\\%", "%")
    try:
        times, arguments = parse_cron(parts[1]), shlex.split(rest)
    except ValueError as error:
        raise ConfigurationError(f"crontab: line {number}: {error}") from None
    if module == "ml_core.jobs" and arguments[:1] == ["run-requested"]:
        return None  # it runs the others
    is_recorded = module == "ml_core.jobs" and arguments[:1] == ["run"] and len(arguments) > 2
    name = arguments[1] if is_recorded else comment[1] if comment else " ".join([module, *arguments])
    return KnownJob(
        name=name,
        description=comment[2] if comment else "",
        fields=" ".join(parts[1].split()),
        times=times,
        module=module,
        arguments=tuple(arguments),
        needs_shell=bool(_SHELL.search(rest)),
    )
