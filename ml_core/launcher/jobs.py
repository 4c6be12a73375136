"""What calls the jobs while the platform runs, and the made-up controller that one of them asks as it comes."""

from __future__ import annotations

import sys

from ml_core.config import project_root
from ml_core.errors import ConfigurationError
from ml_core.jobs.cron_block import has_block
from ml_core.jobs.user_crontab import read_crontab
from ml_core.jobs.wanted_jobs import wanted_jobs
from ml_core.launcher.programs import Program
from ml_core.settings import ResponseTimeSettings, Settings

_MODULE = (sys.executable, "-m", "forecasting_jobs")


def job_programs(settings: Settings) -> tuple[Program, ...]:
    """Return the schedule, unless cron calls the jobs, and the controller; none where the settings want no schedule.

    Raises ``ConfigurationError`` for a wrong crontab or job.
    """
    if not settings.jobs.schedule:
        return ()
    is_made_up = settings.response_time.config_file == ResponseTimeSettings().config_file
    controller = (_controller(settings),) if is_made_up and "ART_forecasting" in wanted_jobs(settings) else ()
    return controller if cron_calls_jobs() else (*controller, _schedule())


def cron_calls_jobs() -> bool:
    """Return whether the user's crontab has the block of this folder."""
    try:
        return has_block(read_crontab(), project_root())
    except ConfigurationError:  # there is no cron, or none that this user may use
        return False


def _schedule() -> Program:
    return Program(
        name="schedule",
        section="jobs",
        host="",
        port=0,
        command=(*_MODULE, "schedule"),
        title="calls the jobs when they are due",
        reads_store=True,
    )


def _controller(settings: Settings) -> Program:
    return Program(
        name="controller",
        section="response_time",
        port_key="simulator_port",
        host="127.0.0.1",
        port=settings.response_time.simulator_port,
        command=(*_MODULE, "response-time", "simulate-controller"),
        title="a made-up AppDynamics controller",
    )
