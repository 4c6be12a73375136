"""The jobs as they run: what fails is told, and what was there stays."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudwatch_engine import asked_jobs
from cloudwatch_engine.cycle import fetch_job, for_each, forecast_job, run_jobs, work_off_asked
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.predictions import read_predictions
from cloudwatch_engine.training import train_instance
from cloudwatch_engine.uploads import keep_upload
from ml_core.clock import FixedClock
from ml_core.errors import NotFound, SuiteError
from ml_core.jobs.runner import ExitCode
from tests.cloudwatch_stub import FORBIDDEN, CloudWatchStub
from tests.factories import NOON

STEP = timedelta(minutes=5)
CPU = ("AWS/EC2", "CPUUtilization", "i-0abc")


def some_points(count: int = 400, until: datetime = NOON) -> dict[datetime, float]:
    return {until - number * STEP: 40.0 + number % 13 for number in range(count, 0, -1)}


@pytest.fixture
def watching(engine: Engine, stub: CloudWatchStub, tmp_path: Path) -> Engine:
    """An engine that watches one instance's CPU on the cloud with faults."""
    metric = {
        "Namespace": CPU[0],
        "MetricName": CPU[1],
        "Dimensions": [{"Name": "InstanceId", "Value": CPU[2]}],
    }
    query = {"Id": "cpu", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Average"}}
    queries = tmp_path / "queries.json"
    queries.write_bytes(orjson.dumps([query]))
    changes: dict[str, Any] = {
        "source": "aws",
        "region": "eu-west-1",
        "endpoint_url": stub.url,
        "queries_file": str(queries),
    }
    section = engine.section.model_copy(update=changes)
    return Engine(engine.settings.model_copy(update={"cloudwatch": section}), engine.registry, engine.config)


def message_of(engine: Engine, job: str) -> str:
    return engine.store.list_runs(job, newest=1)[0].message or ""


def test_what_cloudwatch_refuses_fails_the_run_and_leaves_the_last_good_forecast(
    watching: Engine, stub: CloudWatchStub, clock: FixedClock
) -> None:
    stub.points[CPU] = some_points()
    assert run_jobs(watching, [fetch_job]) == ExitCode.DONE
    train_instance(watching, "i-0abc", names=("naive",))
    good = read_predictions(watching, None)
    assert not good["is_stale"]

    clock.advance(timedelta(hours=1))
    stub.always = FORBIDDEN
    assert run_jobs(watching, [fetch_job, forecast_job]) == ExitCode.FAILED
    assert message_of(watching, "cloudwatch-fetch").startswith("cloudwatch:GetMetricData is not allowed")
    assert message_of(watching, "cloudwatch-forecast") == "1 instance forecast"  # there is nothing new to say
    stale = read_predictions(watching, None)
    assert stale["steps"] == good["steps"]
    assert stale["is_stale"]

    stub.always = None
    stub.points[CPU] = some_points(until=NOON + timedelta(hours=2))
    clock.advance(timedelta(minutes=5))
    assert run_jobs(watching, [fetch_job, forecast_job]) == ExitCode.DONE
    assert not read_predictions(watching, None)["is_stale"]


def test_an_instance_that_has_fallen_silent_is_named(watching: Engine, stub: CloudWatchStub, clock: FixedClock) -> None:
    stub.points[CPU] = some_points()
    run_jobs(watching, [fetch_job])
    clock.advance(timedelta(days=1))
    assert run_jobs(watching, [fetch_job]) == ExitCode.FAILED
    message = message_of(watching, "cloudwatch-fetch")
    assert message.startswith(
        "cloudwatch/i-0abc/CPUUtilization: no points came since 2026-11-20T11:55:00Z; is the inst"
    )


def test_nothing_at_all_is_no_forecast_and_no_crash(watching: Engine) -> None:
    assert run_jobs(watching, [fetch_job]) == ExitCode.FAILED
    assert run_jobs(watching, [forecast_job]) == ExitCode.DONE
    assert watching.store.list_models() == []


def test_a_data_set_is_recorded_and_trained_on_by_its_job(engine: Engine) -> None:
    points = some_points()
    result = {
        "Id": "cpu",
        "Label": "CPUUtilization",
        "Timestamps": [time.isoformat() for time in points],
        "Values": list(points.values()),
    }
    file = keep_upload(engine.folder, json.dumps({"MetricDataResults": [result]}).encode())
    job = asked_jobs.ask(engine.store, engine.clock, instance="i-sent", file=file, models=["naive"])
    assert work_off_asked(engine) == 1
    done = asked_jobs.read(engine.store, job["job"], engine.clock.now())
    assert done["state"] == "done", done["message"]
    assert done["result"]["instances"]["i-sent"]["served"] == "naive"
    assert read_predictions(engine, "i-sent")["prediction"] == [0.41] * 6
    assert list((engine.folder / "uploads").iterdir()) == []
    # The same again: what is known already is no obstacle, and a file that is gone is told.
    again = asked_jobs.ask(engine.store, engine.clock, instance="i-sent", file=file, models=["naive"])
    work_off_asked(engine)
    assert "send it again" in asked_jobs.read(engine.store, again["job"], engine.clock.now())["message"]


def test_all_active_instances_are_trained_if_none_is_named(fetched: Engine) -> None:
    job = asked_jobs.ask(fetched.store, fetched.clock, instance=None, file=None, models=["naive", "seasonal_naive"])
    work_off_asked(fetched)
    done = asked_jobs.read(fetched.store, job["job"], fetched.clock.now())
    assert list(done["result"]["instances"]) == ["i-generated"]


def test_one_that_fails_is_named_after_all_were_tried() -> None:
    seen = []

    def work(name: str) -> None:
        seen.append(name)
        if name != "b":
            raise NotFound(f"{name} is gone")

    with pytest.raises(SuiteError) as failed:
        for_each(["a", "b", "c"], work)
    assert failed.value.message == "a: a is gone; c: c is gone"
    assert seen == ["a", "b", "c"]
