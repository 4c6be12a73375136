"""Training an instance: what is registered, kept, served, and what a failure leaves as it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from cloudwatch_engine import kept, training
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.forecasting import forecast_instance, read_series
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.history import read_history
from cloudwatch_engine.predictions import read_predictions, read_trial
from cloudwatch_engine.training import train_instance
from ml_core.artifacts.forecaster_format import member_file
from ml_core.clock import FixedClock, format_time, parse_time
from ml_core.errors import ArtifactError, InvalidInput, NotFound
from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.ridge import Ridge
from ml_core.timeseries.series import Floats, Series
from tests.factories import NOON, an_observation

MODEL = f"cpu-{INSTANCE}"
SERIES = f"cloudwatch/{INSTANCE}/CPUUtilization"
NAMES = ("naive", "seasonal_naive", "ridge")


class Rising(Naive):
    """Stands for one of the seed's three: it counts its fits, so that a warm start shows."""

    name: ClassVar[str] = "lstm"
    fails: ClassVar[bool] = False

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self.fits = 0

    def _fit(self, values: Floats, history: Series) -> None:
        if self.fails:
            raise CannotForecast("lstm: no time left")
        self.fits += 1

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        return Paths(np.repeat(values[origins][:, None], self.horizon, axis=1) + 50)

    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        return {"fits": np.array(self.fits)}

    def _restore(self, arrays: dict[str, NDArray[np.int64]]) -> None:  # type: ignore[override]
        self.fits = int(arrays["fits"])


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> type[Rising]:
    """A catalogue in which the class above is the LSTM."""
    known = training.make_all

    def make_all(engine: Engine, names: Sequence[str]) -> list[Forecaster]:
        made = {forecaster.name: forecaster for forecaster in known(engine, [name for name in names if name != "lstm"])}
        made["lstm"] = Rising(horizon=engine.section.horizon_steps)
        return [made[name] for name in names]

    monkeypatch.setattr(training, "make_all", make_all)
    monkeypatch.setattr(Rising, "fails", False)
    return Rising


def test_the_best_is_registered_promoted_and_forecasts(fetched: Engine) -> None:
    trial = train_instance(fetched, INSTANCE, names=NAMES)
    model = fetched.registry.find(MODEL)
    champion = fetched.registry.champion(model)
    assert champion is not None
    assert (model.task, champion.number) == ("forecast", trial["version"])
    assert champion.parameters["forecaster"] == trial["served"] == trial["models"][0]["name"]
    assert champion.metrics["mean_absolute_error"] == trial["models"][0]["scores"]["mean_absolute_error"]
    assert champion.lineage["series"] == SERIES
    outlook = read_predictions(fetched, INSTANCE)
    assert (outlook["version"], outlook["forecaster"]) == (champion.number, trial["served"])
    steps = fetched.store.forecasts(SERIES, NOON - timedelta(hours=1), NOON + timedelta(days=1), model=MODEL)
    assert steps["value"].tolist() == [step["value"] for step in outlook["steps"]]
    assert steps["lower_95"].notna().all()


def test_the_ensemble_is_a_version_with_all_its_members_and_forecasts_from_them(fetched: Engine) -> None:
    trial = train_instance(fetched, INSTANCE, names=("naive", "seasonal_naive", "ridge", "ensemble"))
    assert {model["name"] for model in trial["models"]} == {"naive", "seasonal_naive", "ridge", "ensemble"}
    if trial["served"] != "ensemble":
        pytest.fail(f"this test wants a series on which the ensemble is the best, not {trial['served']}")
    champion = fetched.registry.champion(fetched.registry.find(MODEL))
    assert champion is not None
    assert champion.parameters["members"] == ["naive", "seasonal_naive", "ridge"]
    before = read_predictions(fetched, INSTANCE)
    newest = parse_time(before["issue_time"])
    fetched.store.record_observations(SERIES, [an_observation(newest + timedelta(minutes=5), 33.0)])
    issued = forecast_instance(fetched, INSTANCE)
    assert issued is not None
    assert issued["forecaster"] == "ensemble"
    assert issued["steps"] != before["steps"]


def test_a_member_that_cannot_be_fitted_in_the_end_leaves_the_others_to_forecast(
    fetched: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = Ridge.fit

    def unless_newest(forecaster: Ridge, history: Series) -> None:
        if len(history) == whole:
            raise CannotForecast("ridge: no time left")
        fit(forecaster, history)

    whole = len(read_series(fetched, INSTANCE))
    monkeypatch.setattr(Ridge, "fit", unless_newest)
    trial = train_instance(fetched, INSTANCE, names=("naive", "seasonal_naive", "ridge", "ensemble"))
    version = fetched.store.get_version(MODEL, trial["version"])
    assert version is not None and version.parameters["members"] == ["naive", "seasonal_naive"]
    assert read_predictions(fetched, INSTANCE)["version"] == trial["version"]


def test_scores_of_all_are_kept_best_first_and_as_metric_points(fetched: Engine) -> None:
    train_instance(fetched, INSTANCE, names=NAMES)
    trial = read_trial(fetched, INSTANCE)
    errors = [model["scores"]["mean_absolute_error"] for model in trial["models"]]
    assert errors == sorted(errors)
    for model in trial["models"]:
        history = read_history(fetched, INSTANCE, model["name"])
        assert history["mean_absolute_error"] == [model["scores"]["mean_absolute_error"]]


def test_each_training_adds_to_the_history(fetched: Engine, clock: FixedClock) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    clock.advance(timedelta(minutes=1))
    train_instance(fetched, INSTANCE, names=("naive",))  # on the same points
    history = read_history(fetched, INSTANCE, "naive")
    assert len(history["mean_absolute_error"]) == 2
    assert history["trained_times"] == [format_time(NOON), format_time(NOON + timedelta(minutes=1))]
    assert read_predictions(fetched, INSTANCE)["version"] == 2


def test_the_seeds_models_are_trained_and_shown_though_another_is_served(fetched: Engine, rising: type[Rising]) -> None:
    trial = train_instance(fetched, INSTANCE, names=("naive", "lstm"))
    assert trial["served"] == "naive"
    (entry,) = (model for model in trial["models"] if model["name"] == "lstm")
    assert (entry["is_of_the_first_system"], entry["is_served"], entry["label"]) == (True, False, "LSTM")
    assert entry["version"] is not None
    beside = fetched.store.forecasts(SERIES, NOON - timedelta(hours=1), NOON + timedelta(days=1), model=f"{MODEL}.lstm")
    assert len(beside) == 6
    assert set(beside["version"]) == {entry["version"]}


def test_a_model_goes_on_from_its_last_version_and_is_tried_from_nothing(fetched: Engine, rising: type[Rising]) -> None:
    for fits in (1, 2, 3):
        trial = train_instance(fetched, INSTANCE, names=("naive", "lstm"))
        (number,) = (model["version"] for model in trial["models"] if model["name"] == "lstm")
        version = fetched.store.get_version(MODEL, number)
        assert version is not None
        with np.load(member_file(fetched.registry.artifact_folder(version), "lstm")) as arrays:
            assert int(arrays["fits"]) == fits


def test_a_last_version_whose_file_is_damaged_is_left_and_training_starts_anew(
    fetched: Engine, rising: type[Rising]
) -> None:
    trial = train_instance(fetched, INSTANCE, names=("naive", "lstm"))
    for model in trial["models"]:
        version = fetched.store.get_version(MODEL, model["version"]) if model["version"] else None
        if version is not None:
            member_file(fetched.registry.artifact_folder(version), model["name"]).write_bytes(b"damaged")
    assert train_instance(fetched, INSTANCE, names=("naive", "lstm"))["version"] > trial["version"]


def test_one_that_fails_is_told_with_its_reason_and_never_replaced_under_its_name(
    fetched: Engine, rising: type[Rising]
) -> None:
    rising.fails = True
    trial = train_instance(fetched, INSTANCE, names=("naive", "lstm"))
    last = trial["models"][-1]
    assert (last["name"], last["scores"], last["reason"]) == ("lstm", None, "lstm: no time left")
    assert last["version"] is None


def test_if_none_can_be_trained_the_last_good_forecast_stays(fetched: Engine, rising: type[Rising]) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    before = read_predictions(fetched, INSTANCE)
    rising.fails = True
    with pytest.raises(CannotForecast, match="none of the models can use this series"):
        train_instance(fetched, INSTANCE, names=("lstm",))
    assert read_predictions(fetched, INSTANCE) == before


def test_a_series_that_is_too_short_or_unknown_is_refused(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no metrics of i-1 are known"):
        train_instance(engine, "i-1")
    rows = [an_observation(NOON - number * timedelta(minutes=5), float(number)) for number in range(3)]
    engine.store.record_observations("cloudwatch/i-1/CPUUtilization", rows)
    with pytest.raises(InvalidInput, match=r"expected at least 24 points .* not 3"):
        train_instance(engine, "i-1", names=("naive",))
    assert engine.store.list_models() == []


def test_an_old_series_is_trained_on_as_it_is(engine: Engine) -> None:
    old = NOON - timedelta(days=2000)
    rows = [an_observation(old + number * timedelta(minutes=5), float(number % 7)) for number in range(300)]
    engine.store.record_observations("cloudwatch/dataset/CPUUtilization", rows)
    train_instance(engine, "dataset", names=("naive",))
    answer = read_predictions(engine, "dataset")
    assert parse_time(answer["issue_time"]) == rows[-1].time
    assert answer["is_stale"]
    assert engine.active_instances() == []


def test_forecasting_again_waits_for_news_and_then_uses_the_champion(fetched: Engine, clock: FixedClock) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    assert forecast_instance(fetched, INSTANCE) is None
    newest = parse_time(read_predictions(fetched, INSTANCE)["issue_time"])
    fetched.store.record_observations(SERIES, [an_observation(newest + timedelta(minutes=5), 33.0)])
    issued = forecast_instance(fetched, INSTANCE)
    assert issued is not None
    assert issued["steps"][0]["value"] == 33.0
    assert issued["version"] == 1


def test_a_champion_whose_files_are_damaged_is_not_served_and_the_last_forecast_stays(fetched: Engine) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    champion = fetched.registry.champion(fetched.registry.find(MODEL))
    assert champion is not None
    member_file(fetched.registry.artifact_folder(champion), "naive").write_bytes(b"damaged")
    fetched.store.record_observations(SERIES, [an_observation(NOON)])
    before = read_predictions(fetched, INSTANCE)
    with pytest.raises(ArtifactError, match="was changed after it was registered"):
        forecast_instance(fetched, INSTANCE)
    assert read_predictions(fetched, INSTANCE) == before


def test_an_instance_without_a_champion_has_nothing_to_forecast_with(fetched: Engine) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    with pytest.raises(NotFound):
        forecast_instance(fetched, "i-none")


def test_what_is_kept_is_the_newest_whoever_writes_last(engine: Engine) -> None:
    kept.put_newest(engine.store, kept.TRIALS, "i-1", {"time": "2026-11-20T12:00:00Z", "by": "one"})
    kept.put_newest(engine.store, kept.TRIALS, "i-1", {"time": "2026-11-20T11:00:00Z", "by": "a late one"})
    assert kept.read_newest(engine.store, kept.TRIALS, "i-1") == {"time": "2026-11-20T12:00:00Z", "by": "one"}


def test_live_scores_follow_once_forecast_times_have_come(fetched: Engine, clock: FixedClock) -> None:
    train_instance(fetched, INSTANCE, names=("naive",))
    newest = parse_time(read_predictions(fetched, INSTANCE)["issue_time"])
    steps = read_predictions(fetched, INSTANCE)["steps"]
    inside, outside = steps[0]["value"], 99.9
    rows = [
        an_observation(newest + timedelta(minutes=5), inside),
        an_observation(newest + timedelta(minutes=10), outside),
    ]
    fetched.store.record_observations(SERIES, rows)
    issued = forecast_instance(fetched, INSTANCE)
    assert issued is not None
    assert issued["live"]["coverage_80"] == issued["live"]["coverage_95"] == 0.5
    points = fetched.store.metric_series(MODEL, "coverage_80", NOON - timedelta(days=2), NOON + timedelta(days=1))
    assert points["mean"].tolist() == [0.5]


def test_warnings_are_metric_points_that_rules_can_watch(fetched: Engine, tmp_path: Path) -> None:
    low = fetched.section.model_copy(update={"limits": (f"{INSTANCE}=1",)})
    engine = Engine(fetched.settings.model_copy(update={"cloudwatch": low}), fetched.registry, fetched.config)
    train_instance(engine, INSTANCE, names=("naive",))
    newest = {
        metric: engine.store.metric_series(MODEL, metric, NOON - timedelta(hours=1), NOON)["mean"].tolist()
        for metric in ("overload_probability", "overload_probability_1h", "overload_warning", "overload_lead_minutes")
    }
    assert newest["overload_probability"][0] > 0.9
    assert newest["overload_probability_1h"][0] > 0.9
    assert newest["overload_warning"] == [1.0]
    assert newest["overload_lead_minutes"] == [5.0]
