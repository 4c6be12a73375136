"""A model that forecasts a series is known by its name, with the series and jobs of the app whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwatch_engine.names import CPU, series_name
from cloudwatch_engine.names import model_name as name_of_instance
from forecasting_jobs.replay.forecast_plans import plan_of
from forecasting_jobs.replay.owners import owner_command
from forecasting_jobs.response_time import metrics
from ml_core.errors import InvalidInput
from ml_core.process_parts import ProcessParts
from ml_core.registry import Registry
from ml_core.settings import JobsSettings, Settings
from tests.factories import a_model, an_observation


@pytest.fixture
def parts(settings: Settings, registry: Registry) -> ProcessParts:
    """Parts with the series of an instance, and some of an application."""
    hours = [metrics.series_name("ABP", server, metrics.ART) for server in ("ABP", "ABPServer1")]
    beside = [metrics.series_name("ABP", "ABP", name) for name in ("calls_per_minute", "socket_reads")]
    for series in (series_name("i-0abc", CPU), *hours, *beside, metrics.series_name("Shop", "Shop", metrics.ART)):
        registry.store.record_observations(series, [an_observation()])
    return ProcessParts(settings, registry)


def test_a_model_of_cpu_reads_its_series_alone(parts: ProcessParts) -> None:
    plan = plan_of(parts, name_of_instance("i-0abc"))
    assert plan is not None and plan.needs_news
    assert plan.series == series_name("i-0abc", CPU) and list(plan.sources) == [plan.series]
    commands = [job.command for job in (plan.forecasting, plan.training, plan.retraining) if job is not None]
    assert commands == [f"python -m cloudwatch_engine {verb}" for verb in ("forecast", "train", "retrain")]
    assert (plan.retraining.module, *plan.retraining.arguments) == owner_command(plan.model)


def test_the_response_time_reads_the_main_metrics_of_its_servers(parts: ProcessParts) -> None:
    plan = plan_of(parts, metrics.model_name("ABP"))
    assert plan is not None and not plan.needs_news
    assert plan.series == metrics.series_name("ABP", "ABP", metrics.ART)
    assert [series.split("/", 2)[2] for series in plan.sources] == [
        "ABP/avg_response_time_ms",
        "ABP/calls_per_minute",
        "ABPServer1/avg_response_time_ms",
    ]
    assert plan.forecasting.command == "python -m forecasting_jobs response-time hourly"
    assert plan.training is not None and plan.training.command.endswith(" forecasting_jobs response-time train")
    assert (plan.retraining.module, *plan.retraining.arguments) == owner_command(plan.model)


def test_jobs_are_called_as_the_settings_have_cron_call_them(parts: ProcessParts, tmp_path: Path) -> None:
    crontab = tmp_path / "crontab"
    crontab.write_text("# ART_forecasting: the hour\n7 * * * * python -m forecasting_jobs response-time hourly\n")
    settings = parts.settings.model_copy(update={"crontab": str(crontab)})
    plan = plan_of(ProcessParts(settings, parts.registry), metrics.model_name("ABP"))
    assert plan is not None and plan.training is None and plan.forecasting.fields == "7 * * * *"
    off = JobsSettings(off=("cloudwatch-train",))
    for is_own in (False, True):  # the engine calls its jobs itself, whatever cron does
        section = settings.cloudwatch.model_copy(update={"schedule": is_own})
        changed = parts.settings.model_copy(update={"jobs": off, "cloudwatch": section})
        plan = plan_of(ProcessParts(changed, parts.registry), name_of_instance("i-0abc"))
        assert plan is not None and (plan.training is not None) == is_own


def test_the_response_time_of_another_application_is_refused_by_the_name_of_its_setting(parts: ProcessParts) -> None:
    with pytest.raises(InvalidInput, match=r"^--model: .* response-time-ABP: see response_time.application$"):
        plan_of(parts, metrics.model_name("Shop"))


def test_a_model_of_that_name_that_forecasts_no_series_is_none_of_theirs(parts: ProcessParts) -> None:
    for name in (metrics.model_name("Shop"), name_of_instance("i-0abc")):
        parts.registry.add_model(a_model(name, task="regression"))
        assert plan_of(parts, name) is None


@pytest.mark.parametrize("model", ["housing_price", "cpu-i-none", "cpu", "model1", ""])
def test_any_other_model_has_no_plan(parts: ProcessParts, model: str) -> None:
    assert plan_of(parts, model) is None
