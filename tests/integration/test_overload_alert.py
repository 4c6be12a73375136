"""From the engine's forecast to the monitor's alert: the two meet in the store alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cloudwatch_engine.cycle import fetch_job, forecast_job, run_jobs
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.training import train_instance
from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import CloudWatchSettings, Settings
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import AlertRule
from ml_monitor.check import check_models

WARNED = AlertRule.model_validate(
    {
        "name": "overload-expected",
        "watches": "metric",
        "metrics": ["overload_probability"],
        "threshold": {"upper": 1 / 6},
        "fires_on": "2 of 2",
        "severity": "critical",
    }
)


def test_an_expected_overload_fires_and_is_resolved_when_it_is_no_longer_expected(
    registry: Registry, settings: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    def engine_with(limit: float) -> Engine:
        section = CloudWatchSettings(
            folder=str(tmp_path / "cloudwatch"), history_days=3, horizon_steps=6, limits=(f"{INSTANCE}={limit}",)
        )
        return Engine(settings.model_copy(update={"cloudwatch": section}), registry, SeedConfig())

    def statuses() -> list[str]:
        check_models(registry, settings, registry.store.list_models(), [WARNED])
        return [alert.state.status for alert in list_alerts(registry.store)]

    tight, wide = engine_with(1.0), engine_with(100.0)
    run_jobs(tight, [fetch_job])
    train_instance(tight, INSTANCE, names=("naive",))
    assert statuses() == ["pending"]
    clock.advance(timedelta(minutes=5))
    run_jobs(tight, [fetch_job, forecast_job])
    assert statuses() == ["firing"]
    for _ in range(2):
        clock.advance(timedelta(minutes=5))
        run_jobs(wide, [fetch_job, forecast_job])
    assert statuses() == ["resolved"]
    (alert,) = list_alerts(registry.store)
    assert (alert.state.key.model, alert.state.key.cause) == (f"cpu-{INSTANCE}", "metric")
