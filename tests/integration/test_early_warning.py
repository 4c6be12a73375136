"""From the hour's forecast to the monitor's alert and its page: the two packages meet in the store alone."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.parts import make_parts
from forecasting_jobs.response_time.transform_predict import forecast
from ml_core.clock import FixedClock
from ml_core.records import Observation
from ml_core.registry import Registry
from ml_core.settings import ResponseTimeSettings, Settings
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import list_rules
from ml_monitor.app import create_app
from ml_monitor.check import check_models
from tests.factories import NOON
from tests.pages import text_of
from tests.response_times import load_at

HOUR = timedelta(hours=1)


def test_a_bound_beyond_the_limit_fires_by_default_and_is_on_the_page_until_it_is_over(
    registry: Registry, settings: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    store = registry.store

    def hour(limit: float) -> list[tuple[str, str]]:
        section = ResponseTimeSettings(limit=limit, history_days=21)
        parts = make_parts(settings.model_copy(update={"response_time": section}), store, clock)
        until = parts.finished(clock.now())
        assert forecast(parts, until) is not None
        refresh(parts, until)
        check_models(registry, settings, store.list_models(), list_rules(store))
        return [(alert.state.key.subject, alert.state.status) for alert in list_alerts(store)]

    def warned() -> str:
        return text_of(create_app(settings, store, clock).test_client().get("/ui/response-time"))

    hours = [NOON - number * HOUR for number in range(21 * 24, -1, -1)]
    rows = [Observation(time, load_at(time) + 5 * (time.day % 7), time + HOUR) for time in hours]
    store.record_observations("response-time/ABP/ABP/avg_response_time_ms", rows)
    clock.time = NOON + timedelta(minutes=10)
    assert ("early_warning", "firing") in hour(limit=300.0)
    assert re.search(r"Early warning for ABP: (99|100)[.\d]* % chance of more than 300 ms within 6 hours\.", warned())
    clock.advance(HOUR)
    assert ("early_warning", "resolved") in hour(limit=5000.0)
    assert "No early warning for ABP:" in warned() and "chance of more than 5,000 ms" in warned()
