"""What a replay needs to know of a model that forecasts a series: its series, and the jobs that production calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, series_name, series_parts
from forecasting_jobs.response_time.metrics import model_name as name_of_application
from ml_core.errors import FieldError, InvalidInput
from ml_core.jobs.known_jobs import KnownJob
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.jobs.wanted_jobs import starts_itself, wanted_jobs
from ml_core.process_parts import ProcessParts
from ml_core.settings import Settings

_CPU = "cpu-"
_RESPONSE_TIME = "response-time-"


@dataclass(frozen=True, slots=True)
class ForecastPlan:
    """How a model's history is replayed.

    ``series`` is what it forecasts, ``sources`` are all series that its jobs read. ``forecasting`` and ``training`` are
    the jobs that production calls on schedule (None: it is turned off), ``retraining`` is that of its owner; the first
    has nothing to do without news if ``needs_news``. Of the metrics ``warning`` and ``probability`` the first is 1
    where its forecasts warn.
    """

    model: str
    series: str
    sources: Sequence[str]
    forecasting: KnownJob
    training: KnownJob | None
    retraining: KnownJob
    needs_news: bool
    warning: str
    probability: str


def plan_of(parts: ProcessParts, model: str) -> ForecastPlan | None:
    """Return the plan of a model that forecasts one of the store's series; None for any other.

    Raises ``InvalidInput`` for the response time of another application than that of the settings, and
    ``ConfigurationError`` for a wrong schedule.
    """
    registered = parts.store.get_model(model)
    if registered is not None and registered.task != "forecast":
        return None
    known = parts.store.list_series()
    if model.startswith(_CPU):
        series = f"cloudwatch/{model.removeprefix(_CPU)}/CPUUtilization"
        jobs = _jobs(parts.settings, "cloudwatch-forecast", "cloudwatch-train", "cloudwatch-retrain")
        plan = ForecastPlan(model, series, [series], *jobs, True, "overload_warning", "overload_probability")
        return plan if series in known else None
    if not model.startswith(_RESPONSE_TIME):
        return None
    section = parts.settings.response_time
    series = series_name(section.application, section.main_server, ART)
    if model != name_of_application(section.application):
        message = f"the settings are those of {name_of_application(section.application)}: see response_time.application"
        raise InvalidInput(f"--model: {message}", [FieldError("--model", message)])
    sources = [name for name in known if _is_main(name, section.application)]
    jobs = _jobs(parts.settings, "ART_forecasting", "response-time-train", "response-time-retrain")
    plan = ForecastPlan(model, series, sources, *jobs, False, "early_warning", "early_warning_probability")
    return plan if series in known else None


def _jobs(
    settings: Settings, forecasting: str, training: str, retraining: str
) -> tuple[KnownJob, KnownJob | None, KnownJob]:
    """Return the jobs of these names as cron calls them here; a replay without forecasts would show nothing."""
    called = wanted_jobs(settings)
    trained = SUITE_JOBS[training]
    own = trained if starts_itself(trained, settings) else None
    return called.get(forecasting, SUITE_JOBS[forecasting]), called.get(training, own), SUITE_JOBS[retraining]


def _is_main(series: str, application: str) -> bool:
    found = series_parts(series, application)
    return found is not None and found[1] in MAIN_METRICS
