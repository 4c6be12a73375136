"""A served forecast of a link's traffic lies in every kind of store where charts, the monitor and its truth find it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from ml_core.clock import FixedClock, format_time
from ml_core.errors import InvalidInput
from ml_core.ids import new_id
from ml_core.masking import Masking
from ml_core.store.base import Store
from ml_core.traffic.log import TrafficLog
from ml_core.traffic.records import STEP_FEATURES, TrafficForecast, series_name
from ml_core.traffic.served import ServedForecasts
from ml_core.traffic.truths import TrafficTruths
from tests.factories import NOON, a_prediction
from tests.traffic import HOUR, HOURLY, RX, TX, a_traffic_forecast, a_window

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def log(store: Store, clock: FixedClock) -> TrafficLog:
    return TrafficLog(store, clock)


@pytest.fixture
def served(store: Store, clock: FixedClock) -> ServedForecasts:
    return ServedForecasts(store, clock)


@pytest.fixture
def truths(store: Store, clock: FixedClock) -> TrafficTruths:
    return TrafficTruths(store, clock)


def label(truths: TrafficTruths, store: Store, forecast: TrafficForecast, **metrics: Any) -> int:
    """Take labels for the truth of a forecast; return of how many steps."""
    found = truths.read(ServedForecasts(store, FixedClock(NOON)).steps_of(HOURLY, forecast.forecast_id), metrics)
    truths.record(HOURLY, found)
    return len(found)


def errors_of(store: Store, series: str) -> list[float]:
    """Return value minus truth by valid time, NaN where no truth is known."""
    frame = store.scored_forecasts(series, NOON - DAY, NOON + DAY, model=HOURLY)
    return [float(error) for error in frame["value"] - frame["truth"]]


def truths_by_step(store: Store) -> dict[tuple[str, int], float]:
    frame = store.scored(HOURLY, NOON - DAY, NOON + DAY).dropna(subset=["truth"])
    keys = [(features["target"], features["step"]) for features in frame["features"]]
    return dict(zip(keys, frame["truth"], strict=True))


def test_each_target_is_a_forecast_of_its_series(store: Store, log: TrafficLog) -> None:
    log.record(HOURLY, [a_traffic_forecast()])
    assert store.list_series() == [RX, TX]
    frame = store.forecasts(RX, NOON, NOON + DAY)
    assert frame["valid_time"].to_list() == [NOON + hour * HOUR for hour in range(1, 7)]
    assert frame["value"].to_list() == [1, 2, 3, 4, 5, 6]
    assert set(frame["issue_time"]) == {NOON}
    assert set(frame["version"]) == {1}


def test_each_step_is_a_prediction_under_the_id_of_its_forecast(store: Store, log: TrafficLog) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    rows = list(store.each_prediction(HOURLY))
    assert {row.prediction_id for row in rows} == {f"{forecast.forecast_id}-{number}" for number in range(1, 13)}
    assert {row.time for row in rows} == {NOON}
    first = min(rows, key=lambda row: row.value)
    assert first.features.keys() >= {feature.name for feature in STEP_FEATURES}
    assert first.features == {
        "link": "Verizon", "location": "US-DC4", "target": "tx_gbs", "step": 1, "rx_gbs": 7.4, "tx_gbs": 7.4,
        "issue_time": format_time(NOON), "valid_time": format_time(NOON + HOUR),
    }  # fmt: skip


def test_its_steps_are_found_again_by_its_id_alone(log: TrafficLog, served: ServedForecasts) -> None:
    forecasts = [a_traffic_forecast(a_window(link=link)) for link in ("Verizon", "Northway")]
    log.record(HOURLY, forecasts)  # within one millisecond
    for forecast in forecasts:
        steps = served.steps_of(HOURLY, forecast.forecast_id)
        assert [(step.target, step.step) for step in steps] == [
            (target, step) for target in ("rx_gbs", "tx_gbs") for step in range(1, 7)
        ]
        assert {step.link for step in steps} == {forecast.window.link}
        assert [step.valid_time for step in steps[:6]] == forecast.times


def test_the_id_of_something_else_has_no_steps(store: Store, served: ServedForecasts) -> None:
    plain, alike = a_prediction(), new_id(NOON)
    features = {"target": "rx_gbs", "step": "one", "issue_time": "noon", "valid_time": 3}
    store.record_predictions(HOURLY, [plain, a_prediction(prediction_id=f"{alike}-1", features=features)])
    for other in (plain.prediction_id, alike, new_id(NOON), "order-17", ""):
        assert served.steps_of(HOURLY, other) == []


def test_forecasts_of_a_time_come_back_whole_with_the_ids_of_their_steps(
    store: Store, log: TrafficLog, served: ServedForecasts
) -> None:
    made = [NOON, NOON + HOUR, NOON + 2 * HOUR]
    forecasts = [a_traffic_forecast(a_window(time), made=time) for time in made]
    for forecast in forecasts:
        log.record(HOURLY, [forecast])
    store.record_predictions(HOURLY, [a_prediction(NOON + HOUR)])
    assert served.between(HOURLY, NOON, made[2]) == forecasts[:2]
    values = {row.prediction_id: row.value for row in store.each_prediction(HOURLY)}
    both = [*forecasts[0].rx_gbs, *forecasts[0].tx_gbs]
    assert [values[f"{forecasts[0].forecast_id}-{number}"] for number in range(1, 13)] == both


@pytest.mark.parametrize("name", ["link", "issue_time", "input_rx_data"])
def test_forecasts_of_which_something_is_masked_do_not_come_back(
    store: Store, clock: FixedClock, served: ServedForecasts, name: str
) -> None:
    TrafficLog(store, clock, Masking((f"*.{name}",))).record(HOURLY, [a_traffic_forecast()])
    assert served.between(HOURLY, NOON - DAY, NOON + DAY) == []


def test_inputs_and_answers_are_tracked_under_its_id(log: TrafficLog) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    found = log.tracked.find(HOURLY, forecast.forecast_id)
    assert found is not None
    assert found.metrics == {
        "link": "Verizon",
        "location": "US-DC4",
        "input_rx_data": list(forecast.window.rx_gbs),
        "input_tx_data": list(forecast.window.tx_gbs),
        "rx bytes prediction": list(forecast.rx_gbs),
        "tx bytes prediction": list(forecast.tx_gbs),
        "forecast time": [format_time(time) for time in forecast.times],
    }


def test_labels_are_the_truth_of_predictions_and_of_the_series(
    store: Store, log: TrafficLog, truths: TrafficTruths
) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    given = {"final_rx_gbs_label": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5], "final_tx_gbs_label": [0.0] * 6}
    assert label(truths, store, forecast, **given) == 12
    assert errors_of(store, RX) == [-0.5] * 6
    assert errors_of(store, TX) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert truths_by_step(store)["rx_gbs", 6] == 6.5
    assert len(truths_by_step(store)) == 12


def test_labels_that_stop_early_or_have_gaps_are_joined_step_by_step(
    store: Store, log: TrafficLog, truths: TrafficTruths
) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    assert label(truths, store, forecast, final_rx_gbs_label=[1.5, None, 3.5], final_tx_gbs_label=[]) == 2
    assert truths_by_step(store) == {("rx_gbs", 1): 1.5, ("rx_gbs", 3): 3.5}
    assert [math.isnan(error) for error in errors_of(store, RX)] == [False, True, False, True, True, True]


def test_labels_with_times_are_joined_by_time_in_whatever_order(
    store: Store, log: TrafficLog, truths: TrafficTruths
) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    times = ["2026-11-20 18:00:00", "2026-11-20T14:00:00+01:00"]
    assert label(truths, store, forecast, final_rx_gbs_label=[60, 10], final_time_label=times) == 2
    assert truths_by_step(store) == {("rx_gbs", 6): 60.0, ("rx_gbs", 1): 10.0}


def test_a_truth_serves_every_forecast_that_speaks_of_its_time(
    store: Store, log: TrafficLog, truths: TrafficTruths
) -> None:
    earlier, later = (a_traffic_forecast(a_window(NOON + number * HOUR)) for number in (0, 1))
    log.record(HOURLY, [earlier, later])
    label(truths, store, later, final_rx_gbs_label=[2.0])
    frame = store.scored_forecasts(RX, NOON, NOON + DAY).dropna(subset=["truth"])
    assert frame["valid_time"].to_list() == [NOON + 2 * HOUR] * 2
    assert frame["value"].to_list() == [2.0, 1.0]


def test_a_corrected_label_replaces_the_first_which_stays_known_as_of_its_time(
    store: Store, log: TrafficLog, truths: TrafficTruths, clock: FixedClock
) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    for value in (5.0, 5.0, 7.0):
        label(truths, store, forecast, final_rx_gbs_label=[value])
        clock.advance(HOUR)
    assert truths_by_step(store) == {("rx_gbs", 1): 7.0}
    then = store.observations(RX, NOON, NOON + DAY, known_at=NOON + HOUR)
    assert then["value"].to_list() == [5.0]
    assert len(list(store.observation_history(RX))) == 2


@pytest.mark.parametrize(
    ("metrics", "field"),
    [
        ({"final_rx_gbs_label": [1.0] * 7}, "metrics.final_rx_gbs_label"),
        ({"final_tx_gbs_label": 1.0}, "metrics.final_tx_gbs_label"),
        ({"final_tx_gbs_label": ["1"]}, "metrics.final_tx_gbs_label"),
        ({"final_tx_gbs_label": [True]}, "metrics.final_tx_gbs_label"),
        ({"final_tx_gbs_label": [1e300]}, "metrics.final_tx_gbs_label"),
        ({"final_rx_gbs_label": [1.0], "final_time_label": []}, "metrics.final_time_label"),
        ({"final_rx_gbs_label": [1.0], "final_time_label": ["now"]}, "metrics.final_time_label"),
        ({"final_rx_gbs_label": [1.0], "final_time_label": [3]}, "metrics.final_time_label"),
        ({"final_rx_gbs_label": [1.0], "final_time_label": ["2026-11-20 19:00:00"]}, "metrics.final_time_label"),
        ({"final_rx_gbs_label": [1, 2], "final_time_label": ["2026-11-20 13:00"] * 2}, "metrics.final_time_label"),
    ],
)
def test_labels_that_do_not_fit_are_refused_by_name(
    store: Store, log: TrafficLog, truths: TrafficTruths, metrics: dict[str, Any], field: str
) -> None:
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    with pytest.raises(InvalidInput) as caught:
        label(truths, store, forecast, **metrics)
    assert [detail.field for detail in caught.value.details] == [field]


def test_a_masked_link_is_stored_nowhere_and_its_truth_still_finds_its_steps(store: Store, clock: FixedClock) -> None:
    log = TrafficLog(store, clock, Masking((f"{HOURLY}.location",)))
    forecast = a_traffic_forecast()
    log.record(HOURLY, [forecast])
    assert {row.features["location"] for row in store.each_prediction(HOURLY)} == {None}
    assert store.list_series() == []
    assert label(TrafficTruths(store, clock), store, forecast, final_rx_gbs_label=[1.0]) == 1
    assert truths_by_step(store) == {("rx_gbs", 1): 1.0}


@pytest.mark.parametrize(("step", "short"), [(HOUR, "1h"), (HOUR / 12, "5min"), (HOUR / 240, "15s")])
def test_a_series_is_named_by_link_location_target_and_step(step: timedelta, short: str) -> None:
    assert series_name("Verizon", "US-DC4", "rx_gbs", step) == f"links/Verizon/US-DC4/rx_gbs/{short}"


def test_the_step_of_a_forecast_tells_its_series(store: Store, log: TrafficLog) -> None:
    log.record("link_traffic_5min", [a_traffic_forecast(step=HOUR / 12, model="link_traffic_5min")])
    assert store.list_series() == [name.replace("1h", "5min") for name in (RX, TX)]
    assert isinstance(store.forecasts(store.list_series()[0], NOON, NOON + DAY)["valid_time"][0], datetime)
