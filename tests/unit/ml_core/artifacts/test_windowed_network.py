"""Windows in plain JSON: answers with their times, each wrong field by its name, and files that were not touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.artifacts.folders import SavedArtifact, save_artifact
from ml_core.artifacts.traffic_windows import answers
from ml_core.artifacts.windowed_network import forecast, loaded
from ml_core.artifacts.windowed_network_format import TrainedNetwork, load, save
from ml_core.errors import ArtifactError, InvalidInput
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.windowed_network import WindowedNetwork
from tests.unit.ml_core.artifacts.test_forecaster_format import REFERENCE, tried
from tests.unit.ml_core.forecasters.test_windowed_network import PAIRS, SECONDS, SPEC, weights, windows

NETWORK = WindowedNetwork(SPEC, weights())


def a_window(**changes: Any) -> dict[str, Any]:
    rx, tx = windows()[0].T.tolist()
    return {"link": "A", "location": "X", "time": "2024-04-26T02:00:00Z", "rx_gbs": rx, "tx_gbs": tx} | changes


def refused(*given: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        answers(NETWORK, list(given))
    return {detail.field: detail.message for detail in caught.value.details}


def test_an_answer_has_both_directions_and_the_times_of_which_they_speak() -> None:
    (answer,) = answers(NETWORK, [a_window()])
    seconds = np.array([1_714_096_800], dtype=np.int64)
    expected = NETWORK.forecast(windows()[:1], [("A", "X")], seconds)[0]
    assert (answer["rx_gbs"], answer["tx_gbs"]) == (expected[:, 0].tolist(), expected[:, 1].tolist())
    assert answer["time"][0] == "2024-04-26T03:00:00+00:00" and answer["time"][5] == "2024-04-26T08:00:00+00:00"


def test_many_windows_are_answered_in_their_order_and_none_with_nothing() -> None:
    one, other = a_window(), a_window(link="B", location="Z", rx_gbs=[1000.0] * 25)
    both = answers(NETWORK, [one, other])
    assert [both[0]["rx_gbs"], both[1]["rx_gbs"]] == [
        pytest.approx(answers(NETWORK, [each])[0]["rx_gbs"], rel=1e-5) for each in (one, other)
    ]
    assert answers(NETWORK, []) == []


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"link": "C"}, "link", "expected one of A, B, not 'C'"),
        ({"location": None}, "location", "expected one of X, Y, Z, not 'None'"),
        ({"location": ["X"]}, "location", "expected one of X, Y, Z"),
        ({"location": "Z"}, "location", "link 'A' was not known at 'Z' in training"),
        ({"time": "2024-04-26 02:00:00"}, "time", "expected a time with a UTC offset"),
        ({"time": "noon"}, "time", "expected an ISO 8601 time"),
        ({"rx_gbs": [1.0] * 24}, "rx_gbs", "expected a list of 25 numbers, not 24"),
        ({"rx_gbs": [1.0] * 26}, "rx_gbs", "expected a list of 25 numbers, not 26"),
        ({"tx_gbs": None}, "tx_gbs", "expected a list of 25 numbers, not something else"),
        ({"tx_gbs": [1.0] * 24 + [None]}, "tx_gbs[24]", "expected a finite number, not 'None'"),
        ({"tx_gbs": [1.0, float("nan")] + [1.0] * 23}, "tx_gbs[1]", "expected a finite number, not 'nan'"),
        ({"tx_gbs": [True] * 25}, "tx_gbs[0]", "expected a finite number, not 'True'"),
        ({"tx_gbs": [10**200] * 25}, "tx_gbs[0]", "expected a finite number"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(changes: dict[str, Any], field: str, message: str) -> None:
    found = refused(a_window(), a_window(**changes))
    assert list(found) == [f"windows[1].{field}"]
    assert found[f"windows[1].{field}"].startswith(message)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert set(refused("a text", {})) == {
        "windows[0]",
        *(f"windows[1].{name}" for name in ("link", "location", "time", "rx_gbs", "tx_gbs")),
    }
    with pytest.raises(InvalidInput, match="windows: expected a list of windows"):
        answers(NETWORK, {"link": "A"})


# Files


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SavedArtifact]:
    from forecasting_jobs.link_traffic.network import NetworkSettings, build

    root = tmp_path_factory.mktemp("artifacts")
    model = build(SPEC, NetworkSettings(units=3, hidden=(5,)))
    trained = TrainedNetwork(model, SPEC, SPEC.inputs(windows(), PAIRS, SECONDS))
    reference = pd.DataFrame({"value": [1.0]})
    return root, save_artifact(root, "link_traffic", "first", "windowed_network", trained, reference)


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_network_is_loaded_once(saved: tuple[Path, SavedArtifact]) -> None:
    root, artifact = saved
    folder = str(root / artifact.path)
    (answer,) = forecast(folder, artifact.sha256, [a_window()])
    assert answer["rx_gbs"] == pytest.approx([windows()[0, 1:, 0].mean()] * 6)
    assert loaded(folder, artifact.sha256) is loaded(folder, artifact.sha256)
    with pytest.raises(ArtifactError, match="not the one that was registered"):
        forecast(folder, "0" * 64, [a_window()])


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_typical_days_are_kept_with_the_weights_and_networks_of_before_have_none(
    saved: tuple[Path, SavedArtifact], tmp_path: Path
) -> None:
    from forecasting_jobs.link_traffic.network import NetworkSettings, build

    spec = replace(SPEC, profiles=np.random.default_rng(3).uniform(0, 9, size=(2, 2, 24, 2)))
    model = build(spec, NetworkSettings(units=3, hidden=(5,)))
    save(TrainedNetwork(model, spec, spec.inputs(windows(), PAIRS, SECONDS)), tmp_path / "network.npz")
    network = load(tmp_path / "network.npz").network
    assert network.spec.profiles is not None and np.array_equal(network.spec.profiles, spec.profiles)
    answer = network.forecast(windows()[:1], PAIRS[:1], SECONDS[:1])[0, :, 0]
    typical = spec.profiles[0, 0, [*range(24), *range(6)], 0]  # from 0 o'clock of the day before, Wednesday, on
    left = (windows()[0, 1:, 0] - np.roll(typical[:24], -1)).mean()
    assert answer == pytest.approx(np.maximum(typical[[1, 2, 3, 4, 5, 6]] + left, 0))
    root, artifact = saved
    assert loaded(str(root / artifact.path), artifact.sha256).spec.profiles is None


def test_an_artifact_of_another_kind_is_refused(tmp_path: Path) -> None:
    artifact = save_artifact(tmp_path, "cpu", "first", "forecaster", tried(Naive.name), REFERENCE)
    with pytest.raises(ArtifactError, match="first is not a network on windows"):
        forecast(str(tmp_path / artifact.path), artifact.sha256, [])


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_network_that_says_something_else_than_keras_is_not_saved(
    tmp_path: Path, saved: tuple[Path, SavedArtifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecasting_jobs.link_traffic.network import NetworkSettings, build

    model = build(SPEC, NetworkSettings(units=3, hidden=(5,)))
    wrong = {**TrainedNetwork(model, SPEC, SPEC.inputs(windows(), PAIRS, SECONDS)).served().weights}
    wrong["changes.1"] = wrong["changes.1"] + 1e-3
    monkeypatch.setattr(TrainedNetwork, "served", lambda self: WindowedNetwork(SPEC, wrong))
    with pytest.raises(ArtifactError, match="else than Keras said of the same inputs"):
        save(TrainedNetwork(model, SPEC, SPEC.inputs(windows(), PAIRS, SECONDS)), tmp_path / "network.npz")
    assert list(tmp_path.iterdir()) == []
