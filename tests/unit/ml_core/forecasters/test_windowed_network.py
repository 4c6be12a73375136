"""Networks on windows: inputs that know nothing of the future, and a forward pass that is Keras' own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting_jobs.link_traffic.network import NetworkSettings, build
from ml_core.artifacts.windowed_network_format import TrainedNetwork
from ml_core.errors import ArtifactError
from ml_core.forecasters.window_spec import FARTHEST, WindowSpec
from ml_core.forecasters.windowed_network import WindowedNetwork
from ml_core.timeseries.windows import Scaler

USUAL = (Scaler(10.0, 2.0), Scaler(5.0, 1.0))
SPEC = WindowSpec(
    window=24,
    horizon=6,
    step_seconds=3600,
    links=("A", "B"),
    locations=("X", "Y", "Z"),
    scalers={("A", "X"): USUAL, ("B", "Z"): (Scaler(1000.0, 50.0), Scaler(0.0, 1.0))},
)
PAIRS = [("A", "X"), ("B", "Z"), ("A", "X")]
SECONDS = np.array([0, 6 * 3600, 86_400 * 4], dtype=np.int64)  # midnight, 6 o'clock, and a Monday


def windows(count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).uniform(5, 15, size=(count, 25, 2))


def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    shapes = {
        "lstm.0": (4, 12),
        "lstm.1": (3, 12),
        "lstm.2": (12,),
        "hidden_1.0": (3 + SPEC.width, 5),
        "hidden_1.1": (5,),
        "changes.0": (5, 12),
        "changes.1": (12,),
        "straight.0": (96, 12),
    }
    return {name: random.normal(scale=0.3, size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_the_inputs_are_both_directions_with_their_differences_and_what_is_beside_them() -> None:
    inputs = SPEC.inputs(windows(), PAIRS, SECONDS)
    assert inputs.over_time.shape == (3, 24, 4) and inputs.beside.shape == (3, SPEC.width)
    assert np.abs(inputs.over_time).max() <= FARTHEST
    rx = windows()[0, :, 0]
    spread = np.sqrt(rx[1:].var() + (0.3 * 2.0) ** 2)
    assert inputs.over_time[0, :, 0] == pytest.approx((rx[1:] - rx[1:].mean()) / spread, abs=1e-5)
    assert inputs.over_time[0, :, 1] == pytest.approx(np.diff(rx) / spread, abs=1e-5)
    assert inputs.beside[:, :5].tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [1, 0, 1, 0, 0]]
    assert inputs.beside[0, 5:7] == pytest.approx([0, 1]) and inputs.beside[1, 5:7] == pytest.approx([1, 0], abs=1e-6)
    assert inputs.beside[2, 7:9] == pytest.approx([0, 1], abs=1e-6)  # the week begins


def test_a_window_is_made_of_itself_alone() -> None:
    alone = SPEC.inputs(windows()[:1], PAIRS[:1], SECONDS[:1])
    among = SPEC.inputs(windows(), PAIRS, SECONDS)
    assert alone.over_time.tolist() == among.over_time[:1].tolist()
    assert alone.beside.tolist() == among.beside[:1].tolist()


def test_a_window_of_another_level_and_spread_looks_the_same_over_time() -> None:
    big = replace(SPEC, scalers={pair: (Scaler(100.0, 20.0), Scaler(50.0, 10.0)) for pair in SPEC.scalers})
    one = SPEC.inputs(windows()[:1], PAIRS[:1], SECONDS[:1])
    ten = big.inputs(10 * windows()[:1], PAIRS[:1], SECONDS[:1])
    assert one.over_time == pytest.approx(ten.over_time, abs=1e-5)
    assert ten.spread == pytest.approx(10 * one.spread)


def test_changes_of_nothing_are_the_mean_of_the_window_and_traffic_is_never_below_zero() -> None:
    inputs = SPEC.inputs(windows(), PAIRS, SECONDS)
    still = SPEC.values(np.zeros((3, 6, 2)), inputs)
    assert still[0, :, 0] == pytest.approx([windows()[0, 1:, 0].mean()] * 6)
    assert (SPEC.values(np.full((3, 6, 2), -100.0), inputs) == 0).all()
    half = replace(SPEC, gate=0.5)
    assert half.values(np.full((3, 6, 2), 2.0), inputs) == pytest.approx(SPEC.values(np.ones((3, 6, 2)), inputs))


def with_profiles() -> WindowSpec:
    return replace(SPEC, profiles=np.random.default_rng(4).uniform(0, 9, size=(2, 2, 24, 2)))


def test_a_window_that_is_its_typical_day_goes_on_as_that_day_does() -> None:
    spec = with_profiles()
    assert spec.profiles is not None
    hours = (np.arange(-24, 7) + 6) % 24  # the second window ends at 6 o'clock, on a Thursday
    days = spec.profiles[1, 0, hours]
    inputs = spec.inputs(days[None, :25] + 2.0, PAIRS[1:2], SECONDS[1:2])
    assert (np.abs(inputs.over_time) < 1e-6).all()
    assert spec.values(np.zeros((1, 6, 2)), inputs)[0] == pytest.approx(days[25:] + 2.0)


def test_typical_values_may_be_handed_in_as_training_does() -> None:
    spec = with_profiles()
    typical = np.zeros((3, 31, 2))
    handed, without = spec.inputs(windows(), PAIRS, SECONDS, typical), SPEC.inputs(windows(), PAIRS, SECONDS)
    assert handed.over_time.tolist() == without.over_time.tolist()
    assert handed.base.tolist() == without.base.tolist()


def test_typical_days_of_another_shape_are_refused() -> None:
    profiles = with_profiles().profiles
    assert profiles is not None
    assert WindowSpec.from_json(SPEC.as_json(), profiles).profiles is profiles
    with pytest.raises(ArtifactError, match="the typical days, of shape"):
        WindowSpec.from_json(SPEC.as_json(), profiles[:1])


def test_a_specification_comes_back_from_its_json_and_a_spoiled_one_is_refused() -> None:
    assert WindowSpec.from_json(SPEC.as_json()) == SPEC
    for spoiled in ({}, {**SPEC.as_json(), "window": "many"}, {**SPEC.as_json(), "scalers": [{"link": "A"}]}):
        with pytest.raises(ArtifactError, match="train anew"):
            WindowSpec.from_json(spoiled)


def test_weights_that_are_of_another_network_are_refused() -> None:
    WindowedNetwork(SPEC, weights())
    with pytest.raises(ArtifactError, match=r"the network's layers are .* train anew"):
        WindowedNetwork(SPEC, {**weights(), "other.0": np.zeros(1)})


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)])
@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_forward_pass_says_what_keras_says(hidden: tuple[int, ...]) -> None:
    model = build(SPEC, NetworkSettings(units=7, hidden=hidden))
    random = np.random.default_rng(2)
    model.set_weights([random.normal(scale=0.5, size=weight.shape) for weight in model.get_weights()])
    inputs = SPEC.inputs(windows(50), [("A", "X")] * 50, np.arange(50, dtype=np.int64) * 3600)
    said = np.asarray(model([inputs.over_time, inputs.beside], training=False))
    assert np.abs(TrainedNetwork(model, SPEC, inputs).served().changes(inputs) - said).max() <= 1e-5


def test_many_windows_are_answered_as_each_alone() -> None:
    network = WindowedNetwork(SPEC, weights())
    together = network.forecast(windows(), PAIRS, SECONDS)
    for place, window in enumerate(windows()):
        alone = network.forecast(window[None], [PAIRS[place]], SECONDS[place : place + 1])
        assert alone[0] == pytest.approx(together[place], rel=1e-5)
