"""What calls the jobs while the platform runs, and the made-up controller that one of them asks as it comes."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import yaml

from ml_core.config import project_root, resolve_path
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
    asks = "ART_forecasting" in wanted_jobs(settings) and _asks_the_made_up(settings.response_time)
    controller = (_controller(settings),) if asks else ()
    return controller if cron_calls_jobs() else (*controller, _schedule())


def cron_calls_jobs() -> bool:
    """Return whether the user's crontab has the block of this folder."""
    try:
        return has_block(read_crontab(), project_root())
    except ConfigurationError:  # there is no cron, or none that this user may use
        return False


def _asks_the_made_up(section: ResponseTimeSettings) -> bool:
    """Return whether hours come from the controller that this machine makes up, as they do unless one was named."""
    try:
        content = yaml.safe_load(resolve_path(section.config_file).read_bytes())
        address = urlsplit(section.address_of(content["client_creds"]["geturl"]))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError):
        return False  # the job says what is wrong with the file
    made_up = f"127.0.0.1:{section.simulator_port}", f"localhost:{section.simulator_port}"
    return section.csv_file is None and address.netloc in made_up


def _schedule() -> Program:
    return Program(
        name="schedule",
        section="jobs",
        host="",
        port=0,
        command=(*_MODULE, "schedule"),
        title="calls the jobs when they are due",
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
