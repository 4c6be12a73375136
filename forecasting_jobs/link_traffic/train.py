"""``train``: the network of one step, hourly or 5 minutes, in a race with two naive forecasts that it must beat.

1. Cut the series: the last weeks are held out; of what lies before, two stretches say when to stop.
2. Fit scalers, categories and network on what lies before.
3. Race on the held-out weeks: the network, the last value and the day before.
4. Register a version with what it was trained on. It is promoted if it beats both; else what is served stays.

What was raced is what is served: the network is not fitted again on the weeks on which it was judged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting_jobs.link_traffic import network
from forecasting_jobs.link_traffic.features import (
    Examples,
    days_of,
    examples_of,
    fit_spec,
    inputs_of,
    pairs_of,
    targets_of,
    trust_in,
    typical_of,
)
from forecasting_jobs.link_traffic.link_series import HOUR, STEP_NAMES, LinkSeries, table_of
from forecasting_jobs.link_traffic.network import Epoch, NetworkSettings, untold
from forecasting_jobs.link_traffic.race import LABELS, LAST_VALUE, NETWORK, SEASONAL_NAIVE, Race, race
from forecasting_jobs.link_traffic.reference import reference_of
from ml_core.artifacts.windowed_network_format import TrainedNetwork
from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.window_spec import Inputs, WindowSpec
from ml_core.lineage import data_lineage
from ml_core.process_parts import ProcessParts
from ml_core.records import Model, ModelVersion
from ml_core.retraining.promoting import promote
from ml_core.scores import mean_absolute_error
from ml_core.traffic.records import STEP_FEATURES

log = logging.getLogger(__name__)
FORMAT = "windowed_network"
ForLearning = tuple[Inputs, Examples]
HELD_OUT = {"hourly": timedelta(days=14), "5min": timedelta(days=7)}
_MOST_HELD_OUT = 0.3
_BLOCKS = 20
FEWEST = 50
"""Windows to learn from, or to be judged on."""
_MOST_LEARNT = 40_000
_PROBES = 32


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A network, its losses by epoch, and the number of examples that it was fitted on."""

    trained: TrainedNetwork
    losses: Mapping[str, Sequence[float]]
    examples: int


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A network, its race or that of the one whose recipe it is, and the last time that it has seen."""

    fitted: Fitted
    race: Race
    cut_off: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """What a training came to, and which version is served now."""

    model: str
    version: ModelVersion
    is_promoted: bool
    served: int | None
    race: Race

    def told(self) -> str:
        """Return it in a line."""
        errors = ", ".join(f"{LABELS[name]} {self.race.rmse(name):.3f}" for name in LABELS)
        ratios = f"{self.race.ratio(LAST_VALUE):.3f} and {self.race.ratio(SEASONAL_NAIVE):.3f} of the naive forecasts'"
        what = "promoted" if self.is_promoted else "not promoted, since it does not beat both naive forecasts"
        served = "nothing" if self.served is None else f"version {self.served}"
        return (
            f"{self.model} version {self.version.number}: {what} "
            f"(RMSE in Gbit/s: {errors}; its error is {ratios}); {served} is served"
        )


def model_name(step: str) -> str:
    """Return the name of the model for a step, ``hourly`` or ``5min``."""
    return f"link_traffic_{step}"


def train(
    parts: ProcessParts,
    links: Sequence[LinkSeries],
    step: str,
    source: str,
    *,
    settings: NetworkSettings | None = None,
    told: Epoch = untold,
    held_out: timedelta | None = None,
    more_lineage: Mapping[str, Any] | None = None,
) -> Registered:
    """Train on series of links, register a version, and promote it if it has won; see ``learn``."""
    settings = settings or NetworkSettings()
    learnt = learn(links, step, settings, told, held_out)
    return register_learnt(parts, links, step, source, settings, learnt, more_lineage or {})


def register_learnt(
    parts: ProcessParts,
    links: Sequence[LinkSeries],
    step: str,
    source: str,
    settings: NetworkSettings,
    learnt: Learnt,
    more_lineage: Mapping[str, Any],
) -> Registered:
    """Register what was learnt as a version of its model, and promote it if it has won."""
    version = register_version(parts, links, step, source, settings, learnt, more_lineage)
    model = parts.registry.find(version.model)
    if learnt.race.is_won():
        why = f"version {version.number} beats the naive forecasts"
        model = promote(parts.registry, model, version.number, why=why)
    done = Registered(model.name, version, learnt.race.is_won(), model.champion, learnt.race)
    log.info("%s", done.told())
    return done


def learn(
    links: Sequence[LinkSeries],
    step: str,
    settings: NetworkSettings,
    told: Epoch = untold,
    held_out: timedelta | None = None,
) -> Learnt:
    """Fit and race a network; ``held_out`` is how long the race is, unless the usual (``HELD_OUT``).

    Raises ``InvalidInput`` if the series are too short, or not of this step.
    """
    if not links or {series.step for series in links} != {STEP_NAMES[step]}:
        raise InvalidInput(f"time: expected series of links with a step of {STEP_NAMES[step]}")
    return learn_until(links, settings, cut_off_of(links, held_out or HELD_OUT[step]), told)


def learn_until(
    links: Sequence[LinkSeries], settings: NetworkSettings, cut_off: datetime, told: Epoch = untold
) -> Learnt:
    """Fit a network on what lies before ``cut_off`` and race it on the rest; raise ``InvalidInput`` for too little."""
    fitted = fit_until(links, settings, cut_off, told)
    raced = examples_of(links, fitted.trained.spec).since(cut_off)
    if len(raced) < FEWEST:
        raise _too_short("held out", len(raced))
    return Learnt(fitted, race(fitted.trained.served(), raced), cut_off)


def fit_until(
    links: Sequence[LinkSeries], settings: NetworkSettings, cut_off: datetime, told: Epoch = untold
) -> Fitted:
    """Fit a network on what lies before ``cut_off``; raise ``InvalidInput`` if that is too little."""
    spec, learning, validation = to_learn_from(links, cut_off)
    fitted, checked = ((inputs, targets_of(inputs, each)) for inputs, each in (learning, validation))
    model = network.build(spec, settings)
    losses = network.fit(model, fitted, checked, settings, told)
    trained = TrainedNetwork(model, spec, _probes(spec, validation[1]))
    gate = network.gate_of(trained.served().changes(checked[0]), checked[1])
    return Fitted(replace(trained, spec=replace(spec, gate=gate)), losses, len(learning[1]))


def to_learn_from(links: Sequence[LinkSeries], cut_off: datetime) -> tuple[WindowSpec, ForLearning, ForLearning]:
    """Return the specification, and inputs and examples of both parts of ``split``.

    Typical days are as pronounced as they have proved on the first part. Raises ``InvalidInput`` for too little.
    """
    spec, days = fit_spec(links, cut_off), days_of(links, cut_off)
    parts = split(examples_of(links, spec), cut_off, spec.horizon * links[0].step)
    typical = [typical_of(spec, part, days) for part in parts]
    trust = trust_in(spec, parts[0], typical[0])
    spec = replace(spec, profiles=np.array(spec.profiles) * trust[:, None, None])
    learning, validation = (
        (inputs_of(spec, part, values * trust[pairs_of(spec, part)][:, None]), part)
        for part, values in zip(parts, typical, strict=True)
    )
    return spec, learning, validation


def split(examples: Examples, cut_off: datetime, ahead: timedelta) -> tuple[Examples, Examples]:
    """Return the examples of before the cut-off to learn from, and those that say when to stop.

    What lies before the cut-off is cut into twenty blocks, of which two say when to stop: not the newest, from which
    there is the most to learn. No step of theirs is a step of an example that is learnt from. Raises ``InvalidInput``
    if there are too few examples.
    """
    cut, reach = int(cut_off.timestamp()), int(ahead.total_seconds())
    first = int(examples.seconds.min()) if len(examples) else cut
    block = max((cut - first) // _BLOCKS, reach)

    def says_when(seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((cut - seconds) // block % (_BLOCKS // 2) == _BLOCKS // 4)

    before = examples.seconds + reach <= cut
    near = [says_when(examples.seconds + shift) for shift in (-reach, 0, reach)]
    learning, validation = examples.taken(before & ~np.any(near, axis=0)), examples.taken(before & near[1])
    if len(learning) < FEWEST or not len(validation):
        raise _too_short("to learn from", len(learning))
    return learning.taken(np.arange(0, len(learning), -(-len(learning) // _MOST_LEARNT))), validation


def register_version(
    parts: ProcessParts,
    links: Sequence[LinkSeries],
    step: str,
    source: str,
    settings: NetworkSettings,
    learnt: Learnt,
    more_lineage: Mapping[str, Any],
) -> ModelVersion:
    """Save a network as a version of its model, which is registered where it is not yet."""
    name = model_name(step)
    title = f"Traffic of links, {'by the hour' if step == 'hourly' else 'by 5 minutes'}"
    now = parts.clock.now()
    parts.registry.add_model(Model(name, title, "forecast", now, headline_metric="rmse"))
    raced, fitted = learnt.race, learnt.fitted
    spec = fitted.trained.spec
    return parts.registry.add_version(
        parts.registry.find(name),
        fitted.trained,
        FORMAT,
        metrics={
            "rmse": raced.rmse(NETWORK),
            "mean_absolute_error": mean_absolute_error(raced.examples.truths.ravel(), raced.said.ravel()),
            **{f"rmse_{rival}": raced.rmse(rival) for rival in (LAST_VALUE, SEASONAL_NAIVE)},
            **{f"rmse_ratio_{rival}": raced.ratio(rival) for rival in (LAST_VALUE, SEASONAL_NAIVE)},
        },
        features=STEP_FEATURES,
        parameters={
            "format": FORMAT,
            "step_seconds": float(spec.step_seconds),
            "window": spec.window,
            "horizon": spec.horizon,
            "gate": spec.gate,
            **asdict(settings),
            "hidden": list(settings.hidden),
            "epochs_fitted": len(fitted.losses["loss"]),
        },
        lineage={
            **data_lineage(source, table_of(links)),
            "links": len(links),
            "first_time": format_time(min(series.start_time for series in links)),
            "cut_off_time": format_time(learnt.cut_off),
            "end_time": format_time(max(series.time_at(len(series) - 1) for series in links)),
            "windows_learnt": fitted.examples,
            "artifact_name": f"lstm_model_{step}_{now:%Y%m%d_%H%M%S}",
            "keras_version": version_of("keras"),
            **more_lineage,
        },
        reference=reference_of(raced),
    )


def cut_off_of(links: Sequence[LinkSeries], held_out: timedelta) -> datetime:
    """Return the end of what is learnt from if so long is held out, though not more than three tenths of it all."""
    first = min(series.start_time for series in links)
    last = max(series.time_at(len(series) - 1) for series in links)
    cut = last - min(held_out, _MOST_HELD_OUT * (last - first))
    return first + (cut - first) // HOUR * HOUR


def _probes(spec: WindowSpec, examples: Examples) -> Inputs:
    return inputs_of(spec, examples.taken(np.linspace(0, len(examples) - 1, _PROBES).astype(np.int64)))


def _too_short(what_for: str, count: int) -> InvalidInput:
    message = f"expected at least {FEWEST} windows {what_for}, not {count}: bring a longer history"
    return InvalidInput(f"time: {message}", [FieldError("time", message)])
