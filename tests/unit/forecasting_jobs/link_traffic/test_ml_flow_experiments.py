"""Experiments: runs in MLflow on a database of the test's own, models with a signature, and versions that name them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecasting_jobs.link_traffic.link_series import LinkSeries
from forecasting_jobs.link_traffic.ml_flow_experiments import (
    EXPERIMENT,
    Tracking,
    Trial,
    experiment,
    import_mlflow,
    settings_range,
    tracking,
)
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.parts import make_parts
from forecasting_jobs.link_traffic.train import Registered
from ml_core.clock import FixedClock
from ml_core.errors import ConfigurationError
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON
from tests.unit.forecasting_jobs.link_traffic.conftest import SMALL

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore")]  # MLflow and TensorFlow warn of each other


class Tried:
    """What an experiment of two runs left behind."""

    def __init__(self, where: Tracking, done: Registered, trials: list[Trial], registry: Registry) -> None:
        self.where, self.done, self.trials, self.registry = where, done, trials, registry
        self.mlflow = import_mlflow()
        self.client = self.mlflow.MlflowClient(where.uri, where.uri)

    def loaded(self, name: str = "champion") -> Any:
        self.mlflow.set_tracking_uri(self.where.uri)
        self.mlflow.set_registry_uri(self.where.uri)
        return self.mlflow.pyfunc.load_model(f"models:/link_traffic_hourly@{name}")


@pytest.fixture(scope="module")
def tried(links: list[LinkSeries], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("mlflow")
    store = JsonStore(folder / "store")
    parts = make_parts(Settings(artifacts_folder=str(folder / "artifacts")), store, FixedClock(NOON))
    where, trials = tracking({}, folder / "records"), list[Trial]()
    settings = settings_range(replace(SMALL, epochs=6), {"units": (8, 12)})
    done = experiment(parts, links, "hourly", "a test", settings, where, finished=trials.append)
    yield Tried(where, done, trials, parts.registry)
    store.close()


def test_each_combination_is_a_run_with_its_settings_its_losses_and_its_errors(tried: Tried) -> None:
    experiment_id = tried.client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = {run.info.run_id: run.data for run in tried.client.search_runs([experiment_id])}
    assert set(runs) == {trial.run_id for trial in tried.trials}
    for trial in tried.trials:
        data = runs[trial.run_id]
        assert data.params["units"] == str(trial.settings.units)
        assert data.metrics["rmse_ratio_last_value"] == pytest.approx(trial.learnt.race.ratio("last_value"))
        assert [each.value for each in tried.client.get_metric_history(trial.run_id, "val_loss")] == pytest.approx(
            trial.learnt.fitted.losses["val_loss"]
        )


def test_the_best_is_a_version_that_names_its_run_and_the_run_names_it(tried: Tried) -> None:
    best = min(tried.trials, key=lambda trial: trial.ratio)
    lineage = tried.done.version.lineage
    assert lineage["mlflow_run_id"] == best.run_id
    assert lineage["mlflow_model"] == f"models:/link_traffic_hourly/{best.registered_version}"
    assert tried.done.version.parameters["units"] == best.settings.units
    assert tried.client.get_run(best.run_id).data.tags["registry_version"] == "link_traffic_hourly 1"
    assert tried.registry.find("link_traffic_hourly").champion == (1 if tried.done.is_promoted else None)


def test_every_run_s_model_is_in_mlflow_s_registry_and_the_champion_has_its_alias(tried: Tried) -> None:
    versions = tried.client.search_model_versions("name='link_traffic_hourly'")
    assert {version.run_id for version in versions} == {trial.run_id for trial in tried.trials}
    assert tried.done.is_promoted
    alias = tried.client.get_model_version_by_alias("link_traffic_hourly", "champion")
    assert alias.run_id == tried.done.version.lineage["mlflow_run_id"]


def test_the_signature_is_read_back_from_the_logged_model(tried: Tried) -> None:
    info = tried.mlflow.models.get_model_info(tried.trials[0].model_uri)
    width = tried.trials[0].learnt.fitted.trained.spec.width
    shapes = {tensor["name"]: tensor["tensor-spec"] for tensor in info.signature.inputs.to_dict()}
    assert shapes == {
        "over_time": {"dtype": "float32", "shape": (-1, 24, 4)},
        "beside": {"dtype": "float32", "shape": (-1, width)},
    }
    (output,) = info.signature.outputs.to_dict()
    assert output["tensor-spec"] == {"dtype": "float32", "shape": (-1, 6, 2)}
    assert info.saved_input_example_info is not None


def test_a_logged_model_says_what_the_served_one_says_and_refuses_a_wrong_shape(tried: Tried) -> None:
    trained = min(tried.trials, key=lambda trial: trial.ratio).learnt.fitted.trained
    model, probes = tried.loaded(), trained.probes
    given = {"over_time": probes.over_time, "beside": probes.beside}
    assert np.abs(np.asarray(model.predict(given)) - trained.served().changes(probes)).max() <= 1e-5
    for wrong in (
        {**given, "over_time": probes.over_time[:, 1:]},
        {**given, "beside": probes.beside[:, 1:]},
        {"over_time": probes.over_time},
        {**given, "over_time": probes.over_time.astype(str)},
    ):
        with pytest.raises(tried.mlflow.MlflowException, match=r"schema|Shape|missing"):
            model.predict(wrong)


def test_models_lie_beside_the_records_and_nothing_is_told_to_the_makers(tried: Tried) -> None:
    folder = Path(tried.where.uri.removeprefix("sqlite:///")).parent
    assert (folder / "mlflow.db").exists() and list((folder / "artifacts").rglob("model.keras"))
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()


def test_the_address_of_the_records_is_the_variable_s_or_a_database_of_ours(tmp_path: Path) -> None:
    assert tracking({}, tmp_path) == Tracking(f"sqlite:///{tmp_path}/mlflow.db", f"file://{tmp_path}/artifacts")
    server = "http://localhost:5000"
    assert tracking({"MLFLOW_TRACKING_URI": server}, tmp_path) == Tracking(server, None)
    for folder in ("file:///srv/mlruns", "mlruns"):
        with pytest.raises(ConfigurationError, match="MLFLOW_TRACKING_URI: expected a database"):
            tracking({"MLFLOW_TRACKING_URI": folder}, tmp_path)


def test_a_range_is_every_combination_of_its_values() -> None:
    found = settings_range(NetworkSettings(), {"units": (8, 16), "dropout": (0.0, 0.2)})
    assert [(each.units, each.dropout) for each in found] == [(8, 0.0), (8, 0.2), (16, 0.0), (16, 0.2)]
