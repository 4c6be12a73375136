"""``retrain`` (job retrain_model): trains the networks anew, from what was served and became known.

What to learn from is tried out, not assumed, see ``recipes``. Without MLflow, as in the first system; each version's
artifact is named by the time at which it was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.parts import opened_parts
from forecasting_jobs.link_traffic.recipes import learn_best
from forecasting_jobs.link_traffic.served_forecasts import ServedForecast, history_of, loss_of, served_forecasts
from forecasting_jobs.link_traffic.train import model_name, register_version
from ml_core.artifacts.windowed_network import loaded
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.process_parts import ProcessParts
from ml_core.records import ModelVersion, Prediction
from ml_core.retraining.comparing import FEWEST_HELD_OUT
from ml_core.retraining.owner import LOSS_COLUMNS, Owner
from ml_core.retraining.shadows import each_shadow, record_shadows
from ml_core.timeseries.series import Floats

JOB = "retrain_model"
_COMPARED = 4 * FEWEST_HELD_OUT  # of which the newest quarter is held out: what came after a change must be learnt


class LinkTraffic:
    """The network of one step; see ``ml_core.retraining.owner.Retrainable``. What is compared are whole forecasts."""

    def __init__(self, parts: ProcessParts, step: str, settings: NetworkSettings | None = None) -> None:
        self.parts = parts
        self.step = step
        self.settings = settings or NetworkSettings()

    @property
    def model(self) -> str:
        """Its name in the registry."""
        return model_name(self.step)

    def labelled(self, start: datetime, end: datetime, known_at: datetime) -> list[ServedForecast]:
        """Return the forecasts served in ``start <= time < end`` whose truth was known at ``known_at``."""
        found = served_forecasts(self.parts, self.model, start, end, known_at)
        return [forecast for forecast in found if forecast.is_labelled]

    def labelled_times(self, start: datetime, end: datetime, known_at: datetime) -> Sequence[datetime]:
        """Return the times of the newest that are ``labelled``: few, so that few are held out."""
        return [each.time for each in self.labelled(start, end, known_at)][-_COMPARED:]

    def train(self, until: datetime, as_of: datetime) -> ModelVersion:
        """Train on the traffic before ``until`` that was known at ``as_of``; raises ``InvalidInput``."""
        window = timedelta(days=self.parts.settings.retraining.window_days)
        known = served_forecasts(self.parts, self.model, as_of - window, as_of, as_of)
        links = history_of(known, STEP_NAMES[self.step], until, since=until - window)
        try:
            if not links:
                raise InvalidInput("nothing was served")
            recipe, learnt = learn_best(links, self.settings)
        except InvalidInput as error:
            message = f"too little is known of {self.model} to train on: {error.message}"
            raise InvalidInput(message, [FieldError("ground_truths", message)]) from error
        more = {
            "trained_on": str(recipe),
            "trained_until_time": format_time(until),
            "known_at_time": format_time(as_of),
        }
        return register_version(
            self.parts, links, self.step, "served forecasts and their truths", self.settings, learnt, more
        )

    def losses(self, version: ModelVersion, start: datetime, end: datetime, known_at: datetime) -> pd.DataFrame:
        """Return what a version lost on what is ``labelled``, by forecast id: what it said, or says when asked now."""
        forecasts = self.labelled(start, end, known_at)
        said = self._said(version, forecasts, start, end)
        rows = {
            each.forecast_id: (each.known_time, loss_of(said[each.forecast_id], each))
            for each in forecasts
            if each.forecast_id in said
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(LOSS_COLUMNS))

    def predict_beside(self, version: ModelVersion, start: datetime, end: datetime) -> int:
        """Let a version forecast from the windows of what others have served; return how many steps are new."""
        now = self.parts.clock.now()
        others = [
            each for each in served_forecasts(self.parts, self.model, start, end, now) if each.version != version.number
        ]
        hidden = self._hidden(version, start, end)
        asked = [each for each in others if each.forecast_id not in hidden]
        rows = [
            Prediction(f"{each.forecast_id}-{number}", each.time, {}, float(value), version=version.number)
            for each, said in zip(asked, self._ask(version, asked), strict=True)
            for number, value in enumerate(said.T.ravel(), start=1)
        ]
        return record_shadows(self.parts.store, self.model, version.number, rows)

    def _said(
        self, version: ModelVersion, forecasts: Sequence[ServedForecast], start: datetime, end: datetime
    ) -> dict[str, Floats]:
        said = self._hidden(version, start, end)
        said |= {each.forecast_id: each.said for each in forecasts if each.version == version.number}
        asked = [each for each in forecasts if each.forecast_id not in said]
        return said | {each.forecast_id: answer for each, answer in zip(asked, self._ask(version, asked), strict=True)}

    def _hidden(self, version: ModelVersion, start: datetime, end: datetime) -> dict[str, Floats]:
        """Return what a version has said in the shadow, by forecast id; a forecast that is not whole is left out."""
        steps: dict[str, dict[int, float]] = {}
        for each in each_shadow(self.parts.store, self.model, version.number, start, end):
            forecast_id, _, number = each.prediction_id.rpartition("-")
            steps.setdefault(forecast_id, {})[int(number)] = float(each.value)
        horizon = int(version.parameters["horizon"])
        whole = {key: values for key, values in steps.items() if len(values) == 2 * horizon}
        return {
            key: np.array([values[number] for number in sorted(values)]).reshape(2, horizon).T
            for key, values in whole.items()
        }

    def _ask(self, version: ModelVersion, forecasts: Sequence[ServedForecast]) -> Sequence[Floats]:
        if not forecasts:
            return []
        folder = self.parts.registry.artifact_folder(version)
        network = loaded(str(folder), version.artifact_sha256 or "")
        windows = np.stack([each.window for each in forecasts])
        seconds = np.array([int(each.issue_time.timestamp()) for each in forecasts], dtype=np.int64)
        return list(network.forecast(windows, [each.pair for each in forecasts], seconds))


def owner(parts: ProcessParts, settings: NetworkSettings | None = None) -> Owner:
    """Return the networks that are registered."""
    known = {model.name for model in parts.store.list_models()}
    subjects = [LinkTraffic(parts, step, settings) for step in STEP_NAMES if model_name(step) in known]
    return Owner(JOB, parts, subjects)


@contextmanager
def opened_owner() -> Iterator[Owner]:
    """Open the parts as the settings in force say, for a command."""
    with opened_parts() as parts:
        yield owner(parts)
