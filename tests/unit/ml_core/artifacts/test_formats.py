"""One contract for all formats: a model comes back as it was, and nothing else comes back at all."""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting_jobs.link_traffic.network import NetworkSettings, build
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.artifacts.formats import FORMATS, get_format
from ml_core.artifacts.windowed_network_format import TrainedNetwork
from ml_core.detectors.isolation_forest import load_scorer
from ml_core.errors import ArtifactError
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.window_spec import WindowSpec
from ml_core.timeseries.series import Series
from ml_core.timeseries.windows import Scaler
from tests.factories import NOON

_GENERATOR = np.random.default_rng(5)
FRAME = pd.DataFrame(_GENERATOR.normal(size=(40, 3)), columns=["rooms", "age", "income"])
NUMBERS = (FRAME["rooms"] * 3 - FRAME["age"] + 0.5).to_numpy()
BINARY = (NUMBERS > 0).astype(int)
THREE = np.digitize(NUMBERS, [-1, 1])


@dataclass(frozen=True)
class Example:
    """A trained model, and what it answers itself."""

    model: Any
    values: Sequence[float | str]
    scores: Sequence[float] | None = None
    frame: pd.DataFrame = field(default_factory=lambda: FRAME)


def linear_regression() -> Example:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(FRAME, NUMBERS)
    return Example(model, model.predict(FRAME).tolist())


def scaled_logistic_regression() -> Example:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, BINARY)
    return Example(model, model.predict(FRAME).tolist(), model.predict_proba(FRAME)[:, 1].tolist())


def logistic_regression_of_text_labels() -> Example:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(FRAME, np.where(BINARY, "fraud", "good"))
    return Example(model, model.predict(FRAME).tolist(), model.predict_proba(FRAME)[:, 1].tolist())


def logistic_regression_of_three_classes() -> Example:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(FRAME, THREE)
    return Example(model, model.predict(FRAME).tolist())


def isolation_forest() -> Example:
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(n_estimators=10, random_state=16, contamination=0.1).fit(FRAME)
    return Example(model, model.predict(FRAME).tolist())


def isolation_forest_with_scores() -> Example:
    from sklearn.ensemble import IsolationForest

    rows = FRAME.to_numpy()
    model = IsolationForest(n_estimators=10, random_state=16, contamination=0.1).fit(rows)
    return Example(model, model.predict(rows).tolist(), model.score_samples(rows).tolist())


def boosted_trees() -> Example:
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=10, n_jobs=1).fit(FRAME, NUMBERS)
    return Example(model, model.predict(FRAME).tolist())


def booster() -> Example:
    import xgboost

    model = xgboost.train({"nthread": 1}, xgboost.DMatrix(FRAME, NUMBERS), num_boost_round=5)
    return Example(model, model.predict(xgboost.DMatrix(FRAME)).tolist())


def neural_network() -> Example:
    import keras

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
    )
    return Example(model, model.predict(FRAME.to_numpy(dtype="float32"), verbose=0)[:, 0].tolist())


def tried_forecaster() -> Example:
    """A naive forecaster, whose expectation after each row is that row's first value."""
    history = Series(NOON, timedelta(minutes=5), FRAME.iloc[:, 0].to_numpy(dtype=np.float64))
    naive = Naive(horizon=2)
    naive.fit(history)
    points = {"naive": naive.forecast_at(history, [2]).point}
    model = TriedForecasters({"naive": naive}, (NOON + timedelta(minutes=10),), points)
    return Example(model, FRAME.iloc[:, 0].tolist())


def network_on_windows() -> Example:
    """A network of one link that moves by chance, whose rows are whole windows."""
    spec = WindowSpec(3, 2, 3600, ("A",), ("B",), {("A", "B"): (Scaler(0.0, 1.0), Scaler(0.0, 1.0))})
    model = build(spec, NetworkSettings(units=3, hidden=(4,)))
    model.set_weights([_GENERATOR.normal(size=weight.shape) for weight in model.get_weights()])
    windows = _GENERATOR.uniform(1, 9, size=(20, 4, 2))
    seconds = np.arange(20, dtype=np.int64) * 3600
    pairs = [("A", "B")] * 20
    inputs = spec.inputs(windows, pairs, seconds)
    frame = pd.DataFrame(
        {"link": "A", "location": "B", "time": pd.to_datetime(seconds, unit="s", utc=True).astype(str)}
    )
    for name, direction in (("rx_gbs", 0), ("tx_gbs", 1)):
        for place in range(4):
            frame[f"{name}_{place + 1:02d}"] = windows[:, place, direction]
    trained = TrainedNetwork(model, spec, inputs)
    return Example(trained, trained.served().forecast(windows, pairs, seconds)[:, 0, 0].tolist(), frame=frame)


EXAMPLES: dict[str, list[Callable[[], Example]]] = {
    "skops": [
        linear_regression,
        scaled_logistic_regression,
        logistic_regression_of_text_labels,
        logistic_regression_of_three_classes,
        isolation_forest,
    ],
    "xgboost": [boosted_trees, booster],
    "keras": [neural_network],
    "isolation_forest": [isolation_forest_with_scores],
    "forecaster": [tried_forecaster],
    "windowed_network": [network_on_windows],
}
# TensorFlow's arrays lack what NumPy 2 asks for; it warns, and nothing of ours can help it.
deep = (pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))
MARKS: dict[str, Sequence[pytest.MarkDecorator]] = dict.fromkeys(FORMATS, ()) | {
    "keras": deep,
    "windowed_network": deep,
}
every_format = pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS[name]) for name in FORMATS])
every_zip = pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS[name]) for name in ("skops", "keras")])
every_example = pytest.mark.parametrize(
    ("name", "make"),
    [
        pytest.param(name, make, marks=MARKS[name], id=f"{name}-{make.__name__}")
        for name in FORMATS
        for make in EXAMPLES[name]
    ],
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return the file of a format's first example; made once."""
    made: dict[str, bytes] = {}

    def content(name: str) -> bytes:
        if name not in made:
            path = tmp_path_factory.mktemp(name) / get_format(name).FILE
            get_format(name).save(EXAMPLES[name][0]().model, path)
            made[name] = path.read_bytes()
        return made[name]

    return content


def refusal(name: str, path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        get_format(name).load(path)
    return caught.value.message


# Every format


def test_every_format_has_an_example() -> None:
    assert set(EXAMPLES) == set(FORMATS)


def test_an_unknown_format_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ArtifactError, match="'pickle'; expected one of skops, xgboost, keras, isolation_forest"):
        get_format("pickle")


@every_example
def test_a_model_that_is_read_answers_as_the_one_that_was_written(
    name: str, make: Callable[[], Example], tmp_path: Path
) -> None:
    example, kind = make(), get_format(name)
    kind.save(example.model, tmp_path / kind.FILE)
    outputs = kind.load(tmp_path / kind.FILE).predict(example.frame)
    assert list(outputs.values) == list(example.values)
    assert outputs.scores == example.scores
    assert {type(value) for value in outputs.values} <= {float, int, str}


@every_example
def test_a_model_that_is_read_answers_for_one_row_as_for_many(
    name: str, make: Callable[[], Example], tmp_path: Path
) -> None:
    example, kind = make(), get_format(name)
    kind.save(example.model, tmp_path / kind.FILE)
    (value,) = kind.load(tmp_path / kind.FILE).predict(example.frame.iloc[[7]]).values
    assert value == (pytest.approx(example.values[7], rel=1e-5) if isinstance(value, float) else example.values[7])


@every_format
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(name: str, share: float, saved: Callable[[str], bytes], tmp_path: Path) -> None:
    content = saved(name)
    path = tmp_path / get_format(name).FILE
    path.write_bytes(content[: int(len(content) * share)])
    assert path.name in refusal(name, path)


@every_format
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"not a model\n",
        b"{}",
        b"[]",
        b"null",
        b'{"learner": {"attributes": 5}}',
        b"PK\x05\x06" + bytes(18),  # a zip of nothing
        random.Random(1).randbytes(5000),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_that_never_was_a_model_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / get_format(name).FILE
    path.write_bytes(content)
    message = refusal(name, path)
    assert path.name in message
    assert "\n" not in message


@every_format
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    assert get_format(name).FILE in refusal(name, tmp_path / get_format(name).FILE)


@every_format
def test_a_folder_in_the_place_of_the_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / get_format(name).FILE).mkdir()
    assert get_format(name).FILE in refusal(name, tmp_path / get_format(name).FILE)


@every_zip
def test_a_zip_with_another_content_is_refused(name: str, saved: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / get_format(name).FILE
    path.write_bytes(saved(name))
    with zipfile.ZipFile(path) as good:
        members = {member: good.read(member) for member in good.namelist()}
    for wrong in (b"", b"{}", b"[]", b'{"a":' * 100_000, b"\xff"):
        for member in [member for member in members if member.endswith(".json")]:
            with zipfile.ZipFile(path, "w") as bad:
                for other, content in members.items():
                    bad.writestr(other, wrong if other == member else content)
            if member != "metadata.json":  # Keras passes over its own
                assert path.name in refusal(name, path)


# Nothing from a file is run


def test_a_function_in_a_skops_file_is_refused_by_its_name_and_not_run(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    kind = get_format("skops")
    model = make_pipeline(FunctionTransformer(func=os.system), linear_regression().model)
    kind.save(model, tmp_path / kind.FILE)
    assert refusal("skops", tmp_path / kind.FILE) == "model.skops holds types that are not trusted: posix.system"


class Trap:
    """Runs something when it is made from what a file says."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __setstate__(self, state: dict[str, str]) -> None:
        Path(state["marker"]).touch()


def test_a_type_of_ones_own_in_a_skops_file_is_refused_and_not_made(tmp_path: Path) -> None:
    import skops.io

    kind = get_format("skops")
    model = linear_regression().model
    model.trap_ = Trap(str(tmp_path / "ran"))
    kind.save(model, tmp_path / kind.FILE)
    assert "Trap" in refusal("skops", tmp_path / kind.FILE)
    assert not (tmp_path / "ran").exists()
    # The trap is a real one: whoever trusts it sets it off.
    skops.io.load(tmp_path / kind.FILE, trusted=skops.io.get_untrusted_types(file=tmp_path / kind.FILE))
    assert (tmp_path / "ran").exists()


def test_a_pickle_by_the_name_of_a_skops_file_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / get_format("skops").FILE
    path.write_bytes(b"cposix\nmkdir\n(V" + str(marker).encode() + b"\ntR.")
    assert path.name in refusal("skops", path)
    assert not marker.exists()


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_lambda_layer_in_a_keras_file_is_refused_and_not_run(tmp_path: Path) -> None:
    import keras

    marker = str(tmp_path / "ran")
    kind = get_format("keras")
    trap = keras.layers.Lambda(lambda inputs: (open(marker, "w").close(), inputs)[1])  # noqa: PTH123 - Keras keeps no imports
    network = keras.Sequential([keras.layers.Input((3,)), trap, keras.layers.Dense(1)])
    kind.save(network, tmp_path / kind.FILE)
    Path(marker).unlink()
    assert "ambda" in refusal("keras", tmp_path / kind.FILE)
    assert not Path(marker).exists()
    # The trap is a real one: whoever trusts it sets it off.
    keras.saving.load_model(tmp_path / kind.FILE, safe_mode=False)
    assert Path(marker).exists()


# Isolation forests


def test_the_scorer_of_a_forest_lies_beside_it(tmp_path: Path) -> None:
    get_format("isolation_forest").save(isolation_forest_with_scores().model, tmp_path / "model.skops")
    scorer, differences = load_scorer(tmp_path)
    assert differences == []
    assert scorer.fastest.scores(FRAME.to_numpy()).tolist() == isolation_forest_with_scores().scores


def test_a_model_that_gives_no_scores_is_no_isolation_forest(tmp_path: Path) -> None:
    get_format("skops").save(linear_regression().model, tmp_path / "model.skops")
    message = refusal("isolation_forest", tmp_path / "model.skops")
    assert message == "model.skops holds a LinearRegression, which gives no scores of anomalies"
