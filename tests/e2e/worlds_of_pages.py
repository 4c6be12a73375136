"""What fills the operators' pages: jobs of every state, alerts of every state, forecasts, anomalies."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from ml_core.ids import new_id
from ml_core.jobs.job_requests import request_run
from ml_core.records import Forecast, ForecastStep, Model, Observation, Prediction, RunState
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import action_line
from ml_monitor.monitoring.alerts import responses
from tests.response_times import fill_response_times, parts_on
from tests.unit.ml_monitor.telling import DAY, an_alert, keep

SERIES = "web/checkout/response_seconds"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def fill_all(registry: Registry) -> None:
    """Fill every page."""
    now = registry.clock.now()
    fill_jobs(registry.store, now)
    fill_alerts(registry.store, now)
    fill_forecasts(registry.store, now)
    end = now.replace(minute=0, second=0, microsecond=0)
    fill_response_times(parts_on(registry.store, registry.clock, registry.artifacts_root), end, days=8)
    fill_anomalies(registry, now)


def fill_jobs(store: Store, now: datetime) -> None:
    """Keep a job that failed, one that goes on well, one that has fallen silent, and one that the crontab lacks."""
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=now.minute % 5)
    for number in range(20, -1, -1):
        _run(store, "monitor-check", start - number * 5 * MINUTE, message="3 models checked: 12 chunks evaluated")
    _run(store, "store-retain", start - 3 * DAY, message="predictions: 1,204 forgotten")
    _run(store, "store-compact", start - 6 * HOUR, "failed", "the store cannot be written: no space left on device")
    _run(store, "hourly-import", start - HOUR, message="12 series")
    request_run(store, "monitor-check", author="Ada", now=now - 10 * MINUTE)


def _run(store: Store, job: str, slot: datetime, state: RunState = "done", message: str | None = None) -> None:
    lease = store.claim_run(job, slot, now=slot + timedelta(seconds=2), lease=MINUTE, holder="node-1:4211")
    assert lease is not None
    log = f"INFO {job}: started\nINFO {job}: reading <b>everything</b>\n" + ("ERROR it failed\n" if message else "")
    store.finish_run(lease, now=slot + timedelta(seconds=9.4), state=state, message=message, log_tail=log)


def fill_alerts(store: Store, now: datetime) -> None:
    """Keep an alert in each state, of two models."""
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - 6 * DAY
    fires = an_alert(start=start)
    taken = an_alert(cause="drift", subject="income", rule="default-drift", severity="warning", start=start)
    taken_state = responses.acknowledge(taken.state, author="Ada", note="The import of 20 Nov", time=now - HOUR)
    quiet = an_alert(cause="quality", subject="missing values of age", rule="default-quality", start=start)
    quiet_state = responses.silence(
        quiet.state, author="Grace", note="Known until the migration", time=now, until_time=now + 2 * DAY
    )
    ended = an_alert("bbgg", model="payment_fraud", cause="estimate", subject="roc_auc", start=start)
    waits = an_alert("b", model="payment_fraud", cause="drift", subject="amount", rule="default-drift", start=start)
    fine = an_alert("gg", model="payment_fraud", subject="log_loss", start=start)
    few = an_alert("", model="a-model-of-a-long-name-" * 2 + "that-a-choice-shows", subject="f1", start=start)
    keep(
        store,
        fires,
        taken.after(taken_state, action_line(now - HOUR, "acknowledged", "Ada", "The import of 20 Nov")),
        quiet.after(quiet_state, action_line(now, "silenced", "Grace", "Known until the migration")),
        *(ended, waits, fine, few),
    )


def fill_forecasts(store: Store, now: datetime) -> None:
    """Keep a week of hourly response times, and what two models forecast of them each hour, with intervals."""
    draw = random.Random(7)
    end = now.replace(minute=0, second=0, microsecond=0)
    times = [end - number * HOUR for number in range(7 * 24, -1, -1)]
    value_at = {time: _load(time, end) + draw.gauss(0, 0.06) for time in [*times, *(end + n * HOUR for n in range(25))]}
    store.record_observations(SERIES, [Observation(time, value_at[time], time + MINUTE) for time in times])
    for model, error in (("naive_24h", 0.22), ("tcn", 0.09)):
        for back in range(48, -1, -1):
            issued = end - back * HOUR
            steps = []
            for ahead in range(1, 25):
                valid = issued + ahead * HOUR
                wide = error * (0.5 + ahead / 16)
                value = _load(valid, end) + draw.gauss(0, wide / 2)
                bounds = (value - 1.28 * wide, value + 1.28 * wide, value - 1.96 * wide, value + 1.96 * wide)
                steps.append(ForecastStep(valid, value, *bounds))
            store.put_forecast(Forecast(SERIES, model, issued, tuple(steps), 1))
    store.put_document("series_limits", SERIES, {"limit": 3.0, "unit": "s"}, expected_revision=None)
    store.record_observations("cloudwatch/i-0abc/CPUUtilization", [Observation(end, 41.5, end)])


def _load(time: datetime, end: datetime) -> float:
    """Return the load of an hour; 20 hours after the end is its next peak, at whatever time of the day a test runs."""
    hours = (time - end) / HOUR
    growth = max(0.0, hours / 24) * 0.9
    return 1.6 + 0.8 * math.sin(2 * math.pi * (hours - 14) / 24) + growth


def fill_anomalies(registry: Registry, now: datetime) -> None:
    """Keep a day of what a detector of anomalies said, a few of them alerts."""
    registry.add_model(Model("payments_watch", "Payments Watch", "anomaly", now))
    draw = random.Random(3)
    rows, truths = [], []
    for minute in range(24 * 60, 0, -3):
        time = now - minute * MINUTE
        score = abs(draw.gauss(0.35, 0.08)) + (0.5 if minute in range(300, 330) or draw.random() < 0.004 else 0)
        is_anomaly = score > 0.7
        features = {"amount": round(draw.gauss(80, 20) * (4 if is_anomaly else 1), 2), "country": "PT"}
        identity = new_id(time)
        rows.append(Prediction(identity, time, features, "anomaly" if is_anomaly else "normal", score))
        truths.append(identity)
    registry.store.record_predictions("payments_watch", rows, new_ids=True)
