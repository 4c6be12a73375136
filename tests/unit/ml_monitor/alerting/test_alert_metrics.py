from __future__ import annotations

from datetime import timedelta

from prometheus_client import CollectorRegistry

from ml_core.clock import FixedClock
from ml_core.records import MetricPoint
from ml_core.registry import Registry
from ml_monitor.alerting.channels import KIND
from ml_monitor.exporter import StoreExporter
from ml_monitor.monitoring.alerts.responses import acknowledge, silence
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Group, Result, point_of
from tests.factories import NOON, a_model
from tests.unit.ml_monitor.telling import DAY, MODEL, an_alert, keep, replaced


def scraped(registry: Registry, clock: FixedClock) -> CollectorRegistry:
    collected = CollectorRegistry()
    collected.register(StoreExporter(registry, clock))
    return collected


def a_measure(
    days_ago: float,
    value: float | None,
    *,
    group: Group = "performance",
    name: str = "r2",
    segment: str = "",
    segment_by: str = "",
) -> MetricPoint:
    start = NOON - days_ago * DAY
    number = Undefined("one class") if value is None else value
    result = Result("day", group, name, "", segment, start, start + DAY, 100, number, segment_by=segment_by)
    return point_of(MODEL, result)


def metric(samples: CollectorRegistry, name: str, segment: str = "") -> float | None:
    return samples.get_sample_value("ml_model_metric", {"model": MODEL, "metric": name, "segment": segment})


def test_an_alert_is_shown_in_its_state_and_one_that_is_ok_only_counted(registry: Registry, clock: FixedClock) -> None:
    taken = an_alert(subject="r2")
    taken = replaced(taken, acknowledge(taken.state, author="Ana", note="", time=NOON))
    keep(registry.store, an_alert(), taken, an_alert("g", subject="mse"))
    samples = scraped(registry, clock)
    labels = {"model": MODEL, "cause": "performance", "segment": "", "rule": "default-performance"}
    labels["severity"] = "critical"
    shown = {
        (one, state)
        for one in ("mae", "r2", "mse")
        for state in ("firing", "acknowledged", "ok", "pending")
        if samples.get_sample_value("ml_alert_state", {**labels, "subject": one, "state": state}) == 1
    }
    assert shown == {("mae", "firing"), ("r2", "acknowledged")}
    states = ("firing", "acknowledged", "ok", "silenced", "insufficient data")
    assert [samples.get_sample_value("ml_alerts", {"state": state}) for state in states] == [1, 1, 1, 0, 0]


def test_a_silence_is_seen_at_the_scrape_in_which_it_ends(registry: Registry, clock: FixedClock) -> None:
    alert = an_alert()
    state = silence(alert.state, author="Ana", note="", time=NOON, until_time=NOON + timedelta(hours=1))
    keep(registry.store, replaced(alert, state))
    samples = scraped(registry, clock)
    assert samples.get_sample_value("ml_alerts", {"state": "silenced"}) == 1
    clock.advance(timedelta(hours=1))
    assert samples.get_sample_value("ml_alerts", {"state": "firing"}) == 1


def test_the_newest_value_of_the_headline_metric_is_shown_for_truth_and_estimate(
    registry: Registry, clock: FixedClock
) -> None:
    registry.add_model(a_model(MODEL, headline_metric="r2_score"))
    points = [a_measure(3, 0.8), a_measure(2, 0.7), a_measure(1, None), a_measure(1, 0.1, name="mae")]
    points += [a_measure(2, 0.6, segment="city=Porto"), a_measure(1, 0.75, group="estimate")]
    registry.store.put_metric_points(points)
    samples = scraped(registry, clock)
    assert metric(samples, "performance/r2") == 0.7
    assert metric(samples, "performance/r2", "city=Porto") == 0.6
    assert metric(samples, "estimate/r2") == 0.75
    assert metric(samples, "performance/mae") is None


def test_a_value_is_found_although_truth_is_weeks_late(registry: Registry, clock: FixedClock) -> None:
    registry.add_model(a_model(MODEL, headline_metric=None))
    registry.store.put_metric_points([a_measure(30, 4.5, name="mae"), a_measure(60, 9.0, name="mae")])
    assert metric(scraped(registry, clock), "performance/mae") == 4.5


def test_many_segments_do_not_make_series_without_end(registry: Registry, clock: FixedClock) -> None:
    registry.add_model(a_model(MODEL))
    names = ["", *(f"city={number:03}" for number in range(100))]
    registry.store.put_metric_points([a_measure(1, 0.5, segment=name) for name in names])
    (family,) = (each for each in scraped(registry, clock).collect() if each.name == "ml_model_metric")
    assert [sample.labels["segment"] for sample in family.samples] == names[:20]


def test_the_horizons_of_one_series_do_not_take_the_room_of_the_others(registry: Registry, clock: FixedClock) -> None:
    registry.add_model(a_model(MODEL, task="forecast", headline_metric=None))
    points = [a_measure(1, 0.5, name="mae", segment=f"a +{hour}h", segment_by="horizon") for hour in range(1, 30)] + [
        a_measure(1, 0.5, name="mae", segment=name, segment_by="series") for name in ("a", "b")
    ]
    registry.store.put_metric_points(points)
    (family,) = (each for each in scraped(registry, clock).collect() if each.name == "ml_model_metric")
    assert [sample.labels["segment"] for sample in family.samples] == ["a", "b"]


def test_a_channel_is_up_by_its_last_attempt(registry: Registry, clock: FixedClock) -> None:
    for channel, state in (("mail", "failing"), ("webhook", "ok")):
        content = {"channel": channel, "state": state, "since_time": "2026-11-20T12:00:00Z"}
        registry.store.put_document(KIND, channel, content, expected_revision=None)
    samples = scraped(registry, clock)
    up = [samples.get_sample_value("ml_channel_up", {"channel": channel}) for channel in ("mail", "webhook")]
    assert up == [0, 1]
