"""The demo on a store of its own, by a monitor that a thread serves: short, so without what goes wrong later."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from ml_core.clock import FixedClock, format_time
from ml_core.errors import Conflict, DeliveryFailed
from ml_core.settings import Settings, WebhookSettings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.app import create_app
from ml_monitor.demo import days, filling
from ml_monitor.demo.command import demo
from ml_monitor.demo.filling import fill, others_in, read_progress, refuse_foreign_models
from ml_monitor.demo.served import Monitor
from ml_monitor.demo.visits import FORECASTER, SERIES
from ml_monitor.demo.worlds import FAULT_DAY, WORLDS
from tests.factories import a_model, a_prediction
from tests.receivers import Receiver
from tests.serving import serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# Two models are enough to see what filling does; the integration test has all of them.
SMALL = tuple(
    dataclasses.replace(world, rows_per_day=60) for world in WORLDS if world.name in ("demo-loans", "demo-pumps")
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "WORLDS", SMALL)
    monkeypatch.setattr(days, "REFERENCE_ROWS", 300)


@pytest.fixture
def monitor(settings: Settings, json_store: JsonStore) -> Iterator[Monitor]:
    with serving(create_app(settings, json_store, FixedClock(NOW + DAY))) as url:
        monitor = Monitor(url, None)
        yield monitor
        monitor.close()


def run(
    store: JsonStore, settings: Settings, monitor: Monitor, now: datetime = NOW, days_before: int = 2
) -> tuple[int, list[str]]:
    told: list[str] = []
    new = fill(store, Path(settings.artifacts_folder), settings, monitor, now, told.append, days_before)
    return new, told


def test_days_are_posted_and_checked_one_after_the_other(
    json_store: JsonStore, settings: Settings, monitor: Monitor
) -> None:
    new, told = run(json_store, settings, monitor)
    assert [line.split()[:4] for line in told] == [
        ["1", "of", "3", "2026-11-18"],
        ["2", "of", "3", "2026-11-19"],
        ["3", "of", "3", "2026-11-20"],
    ]
    counts = json_store.count_records()
    assert set(counts["predictions"]) == {world.name for world in SMALL}
    assert counts["predictions"]["demo-loans"] > 120
    assert SERIES in counts["observations"]
    assert sum(counts["predictions"].values()) < new
    loans = json_store.scored("demo-loans", NOW - 3 * DAY, NOW + DAY)
    assert loans["time"].max() < NOW
    known = loans[loans["truth"].notna()]
    assert (known["truth_received_time"] < NOW).all()
    assert (known["truth_received_time"] > known["time"]).all()
    assert [run.state for run in json_store.list_runs("monitor-check", newest=9)] == ["done"] * 3
    model = json_store.get_model("demo-loans")
    assert model is not None
    assert model.champion == 1
    assert json_store.list_metrics("demo-loans")


def test_a_second_time_adds_what_has_come_since_and_nothing_twice(
    json_store: JsonStore, settings: Settings, monitor: Monitor
) -> None:
    run(json_store, settings, monitor)
    before = json_store.count_records()
    assert run(json_store, settings, monitor) == (0, [])
    assert json_store.count_records() == before
    new, told = run(json_store, settings, monitor, NOW + timedelta(hours=6))
    assert new > 0
    assert len(told) == 1
    assert read_progress(json_store).until == NOW + timedelta(hours=6)  # type: ignore[union-attr]


def test_one_that_was_interrupted_posts_a_day_again_without_harm(
    json_store: JsonStore, settings: Settings, monitor: Monitor
) -> None:
    run(json_store, settings, monitor)
    counts = json_store.count_records()
    document = json_store.get_document("demo", "filled")
    assert document is not None
    back = {**document.content, "until": "2026-11-19T00:00:00Z"}
    json_store.put_document("demo", "filled", back, expected_revision=document.revision)
    new, told = run(json_store, settings, monitor)
    assert new == 0
    assert len(told) == 2
    # The day's last check found nothing new, so it measured nothing anew either.
    assert json_store.count_records() == counts


def test_one_that_was_killed_before_its_models_were_registered_goes_on(
    json_store: JsonStore, settings: Settings, monitor: Monitor
) -> None:
    begun = {"first_day": "2026-11-19", "until": "2026-11-19T00:00:00Z"}
    json_store.put_document("demo", "filled", begun, expected_revision=None)
    new, told = run(json_store, settings, monitor)
    assert new > 0
    assert len(told) == 2


def test_after_a_week_there_are_forecasts_beside_what_was_measured(
    json_store: JsonStore, settings: Settings, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "WORLDS", ())
    run(json_store, settings, monitor, days_before=8)
    steps = json_store.scored_forecasts(SERIES, NOW - 9 * DAY, NOW + DAY, model=FORECASTER)
    assert len(steps) == 48
    assert steps["truth"].notna().sum() > 24


def test_the_planted_fault_is_found_with_its_day_and_column(
    json_store: JsonStore, settings: Settings, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (loans,) = (world for world in WORLDS if world.name == "demo-loans")
    monkeypatch.setattr(filling, "WORLDS", (dataclasses.replace(loans, rows_per_day=200),))
    first = NOW.replace(hour=0) - 3 * DAY
    # As if it had been filled until two days before the fault, which is quicker.
    begun = {"first_day": str((first - FAULT_DAY * DAY).date()), "until": format_time(first - 2 * DAY)}
    json_store.put_document("demo", "filled", begun, expected_revision=None)
    _, told = run(json_store, settings, monitor)
    assert not [line for line in told[:2] if "firing" in line]
    assert "drift of income firing" in "".join(told)
    firing = [alert for alert in list_alerts(json_store) if alert.state.status == "firing"]
    since = {(each.state.key.cause, each.state.key.subject): each.state.episode for each in firing}
    assert since["drift", "income"].first_time == first  # type: ignore[union-attr]
    assert since["performance", "accuracy"].first_time == first  # type: ignore[union-attr]


def test_nobody_is_told_of_its_alerts(json_store: JsonStore, settings: Settings, monitor: Monitor) -> None:
    with Receiver() as receiver:
        telling = settings.model_copy(update={"webhook": WebhookSettings(url=SecretStr(receiver.url))})
        run(json_store, telling, monitor)
        assert receiver.calls == []


def test_data_of_others_and_models_of_the_same_name_are_seen(
    json_store: JsonStore, settings: Settings, monitor: Monitor
) -> None:
    assert others_in(json_store) == []
    run(json_store, settings, monitor)
    refuse_foreign_models(json_store)
    assert others_in(json_store) == []
    json_store.record_predictions("fraud", [a_prediction()])
    assert others_in(json_store) == ["predictions of fraud"]


def test_a_model_of_a_demos_name_that_is_not_the_demos_is_left_alone(json_store: JsonStore) -> None:
    json_store.put_model(a_model("demo-loans"))
    with pytest.raises(Conflict, match="'demo-loans' already, which no demo has made"):
        refuse_foreign_models(json_store)


def test_a_monitor_on_another_store_is_noticed(json_store: JsonStore, settings: Settings, tmp_path: Path) -> None:
    other = JsonStore(tmp_path / "other")
    with serving(create_app(settings, other, FixedClock(NOW))) as url:
        monitor = Monitor(url, None)
        with pytest.raises(Conflict, match="writes into another store"):
            run(json_store, settings, monitor)
        monitor.close()
    other.close()


def test_a_monitor_that_is_not_there_is_told(json_store: JsonStore, settings: Settings) -> None:
    monitor = Monitor("http://127.0.0.1:9", None)
    with pytest.raises(DeliveryFailed, match="cannot be reached"):
        run(json_store, settings, monitor)
    monitor.close()


def test_the_command_does_not_add_to_the_data_of_others_unasked(
    json_store: JsonStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_store.record_predictions("fraud", [a_prediction()])
    monkeypatch.setenv("ML_STORE_URL", settings.store_url.get_secret_value())
    result = CliRunner().invoke(demo, ["--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "holds data beside the demo: predictions of fraud" in result.output
    assert json_store.get_document("demo", "filled") is None
