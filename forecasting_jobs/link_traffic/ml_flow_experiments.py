"""``experiments``: networks over a range of settings, each a run in MLflow; the best becomes a version of ours.

A run has its settings, the losses of every epoch, the errors of the race, and the Keras model with an inferred
signature and an input example, registered in MLflow's registry. The version in our registry names its run, and if it is
promoted MLflow's version bears the alias ``champion``.

MLflow keeps its records in SQLite under ``var/mlflow`` unless ``MLFLOW_TRACKING_URI`` says otherwise; the models lie
beside that file. It sends nothing about its use to anybody: its telemetry is turned off before it is imported.
The parts of MLflow used here are those of mlflow-skinny; ``autolog`` is not among them, since it needs TensorBoard.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from forecasting_jobs.link_traffic.link_series import LinkSeries
from forecasting_jobs.link_traffic.network import Epoch, NetworkSettings, untold
from forecasting_jobs.link_traffic.race import LAST_VALUE, NETWORK, SEASONAL_NAIVE
from forecasting_jobs.link_traffic.train import Learnt, Registered, learn, model_name, register_learnt
from ml_core.artifacts.windowed_network_format import TrainedNetwork
from ml_core.errors import ConfigurationError
from ml_core.process_parts import ProcessParts

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "link_traffic"
CHAMPION = "champion"
_SQLITE = "sqlite:///"
_EXAMPLE_ROWS = 2


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where MLflow keeps its records, and the models of a new experiment (None: where its server says)."""

    uri: str
    artifacts: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One run: its settings, what it came to, and where MLflow has it."""

    settings: NetworkSettings
    learnt: Learnt
    run_id: str
    model_uri: str
    registered_version: str

    @property
    def ratio(self) -> float:
        """The error in parts of the better naive forecast's."""
        return max(self.learnt.race.ratio(LAST_VALUE), self.learnt.race.ratio(SEASONAL_NAIVE))

    def told(self) -> str:
        """Return it in a line."""
        return f"run {self.run_id}: {self.ratio:.3f} of the better naive forecast's error ({_short(self.settings)})"


def tracking(environment: Mapping[str, str], folder: Path) -> Tracking:
    """Return where MLflow is to keep its records; raise ``ConfigurationError`` for its old folder of files."""
    uri = environment.get(URI_VARIABLE) or f"{_SQLITE}{folder / 'mlflow.db'}"
    if uri.startswith(_SQLITE):
        return Tracking(uri, (Path(uri.removeprefix(_SQLITE)).absolute().parent / "artifacts").as_uri())
    if "://" not in uri or uri.startswith("file:"):
        raise ConfigurationError(
            f"{URI_VARIABLE}: expected a database, as sqlite:////srv/mlflow.db, or a server, as http://...: "
            "MLflow no longer keeps its records in a folder of files"
        )
    return Tracking(uri, None)


def settings_range(base: NetworkSettings, ranges: Mapping[str, Sequence[Any]]) -> list[NetworkSettings]:
    """Return the settings for every combination of the values in ``ranges``, by the name of the setting."""
    return [replace(base, **dict(zip(ranges, values, strict=True))) for values in itertools.product(*ranges.values())]


def experiment(
    parts: ProcessParts,
    links: Sequence[LinkSeries],
    step: str,
    source: str,
    tried: Sequence[NetworkSettings],
    where: Tracking,
    *,
    told: Epoch = untold,
    finished: Callable[[Trial], None] = lambda trial: None,
) -> Registered:
    """Try settings one after the other, register the network with the least error, and promote it if it has won.

    ``finished`` is called after each run. Raises as ``train.learn`` does, and ``ConfigurationError`` if MLflow cannot
    be reached.
    """
    mlflow = import_mlflow()
    experiment_id = _opened(mlflow, where)
    trials = []
    for settings in tried:
        learnt = learn(links, step, settings, told)
        trials.append(_logged(mlflow, experiment_id, step, source, settings, learnt))
        finished(trials[-1])
    best = min(trials, key=lambda trial: trial.ratio)
    lineage = {
        "mlflow_run_id": best.run_id,
        "mlflow_experiment": EXPERIMENT,
        "mlflow_model": f"models:/{model_name(step)}/{best.registered_version}",
    }
    done = register_learnt(parts, links, step, source, best.settings, best.learnt, lineage)
    client = mlflow.MlflowClient()
    client.set_tag(best.run_id, "registry_version", f"{done.model} {done.version.number}")
    if done.is_promoted:
        client.set_registered_model_alias(done.model, CHAMPION, best.registered_version)
    return done


def import_mlflow() -> Any:
    """Return MLflow, which takes seconds the first time; nothing is told to its makers."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    import mlflow

    return mlflow


def signature_of(trained: TrainedNetwork) -> tuple[Any, dict[str, Any]]:
    """Return the signature of a network, inferred from some of its inputs and what it said of them, and an example.

    Both kinds of inputs are tensors by name with any number of rows; what has another shape is refused by the model.
    """
    from mlflow.models import infer_signature

    probes = trained.probes
    example = {"over_time": probes.over_time[:_EXAMPLE_ROWS], "beside": probes.beside[:_EXAMPLE_ROWS]}
    said = np.asarray(trained.model(list(example.values()), training=False))
    return infer_signature(example, said), example


def _opened(mlflow: Any, where: Tracking) -> str:
    """Return the id of our experiment, which is made where it is not there yet."""
    if where.uri.startswith(_SQLITE):
        Path(where.uri.removeprefix(_SQLITE)).absolute().parent.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(where.uri)
    mlflow.set_registry_uri(where.uri)
    try:
        found = mlflow.get_experiment_by_name(EXPERIMENT)
        return str(found.experiment_id if found else mlflow.create_experiment(EXPERIMENT, where.artifacts))
    except mlflow.MlflowException as error:
        line = (str(error).strip().splitlines() or ["no answer"])[0]
        raise ConfigurationError(f"{URI_VARIABLE}: MLflow cannot be used there: {line}") from error


def _logged(
    mlflow: Any, experiment_id: str, step: str, source: str, settings: NetworkSettings, learnt: Learnt
) -> Trial:
    import mlflow.tensorflow as keras_models

    signature, example = signature_of(learnt.fitted.trained)
    with mlflow.start_run(experiment_id=experiment_id, run_name=f"{step} {_short(settings)}") as run:
        mlflow.log_params({**asdict(settings), "step": step, "windows_learnt": learnt.fitted.examples})
        mlflow.set_tags({"data_source": source, "step": step})
        for name, losses in learnt.fitted.losses.items():
            for epoch, loss in enumerate(losses, start=1):
                mlflow.log_metric(name, loss, step=epoch)
        race = learnt.race
        rivals = (LAST_VALUE, SEASONAL_NAIVE)
        mlflow.log_metrics({"rmse": race.rmse(NETWORK), **{f"rmse_ratio_{name}": race.ratio(name) for name in rivals}})
        logged = keras_models.log_model(
            learnt.fitted.trained.model,
            name="model",
            signature=signature,
            input_example=example,
            registered_model_name=model_name(step),
            # Named here, so that MLflow does not load the model in a process of its own to find them.
            pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow", "numpy")],
        )
    return Trial(settings, learnt, run.info.run_id, logged.model_uri, str(logged.registered_model_version))


def _short(settings: NetworkSettings) -> str:
    hidden = "x".join(str(units) for units in settings.hidden)
    return f"units {settings.units}, hidden {hidden}, dropout {settings.dropout}, rate {settings.learning_rate:g}"
