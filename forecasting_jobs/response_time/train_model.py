"""``train``: the six models, one an hour ahead, in a race with the naive forecasts that they must beat.

1. Read the hours up to now.
2. Tune: draw settings of the trees at random by a seed, and try each at past times before the race, later after
   earlier, as a split by time must be.
3. Race: the six models, the six that see the other servers and metrics too, the last value and yesterday's, each as
   of its time, on the last weeks.
4. Register a version of the better six. It is promoted if its error is below that of both naive ones; where nothing is
   served yet, the best of these is, so that there is a forecast from the first hour on.

An error is the root of the mean square by hours ahead, and of those the geometric mean.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.training_scores import training_scores
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.clock import format_time
from ml_core.errors import InvalidInput
from ml_core.forecasters.backtest import Backtest, Progress, backtest, no_progress
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.direct_hours import DirectHours, Trees
from ml_core.forecasters.direct_servers import DirectServers
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.records import FeatureSpec, Model, ModelVersion
from ml_core.retraining.promoting import promote
from ml_core.timeseries.series import Floats, Series

log = logging.getLogger(__name__)
HORIZON = 6
LABELS = {
    DirectHours.name: "six XGBoost models",
    DirectServers.name: "six that see the other servers too",
    Naive.name: "the last value",
    SeasonalNaive.name: "yesterday's",
}
_SIXES = (DirectHours.name, DirectServers.name)
FEWEST_HOURS = 24 * 10
_SEED = 1546  # the first system's
_MOST_RACED = 24 * 14
_STRIDE = 3


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to: by forecaster its error by hours ahead, in ms, and what is served now."""

    errors: Mapping[str, Floats]
    trees: Trees
    version: int
    served: str
    served_version: int
    is_promoted: bool

    def told(self) -> str:
        """Return it in a line."""
        means = ", ".join(f"{LABELS[name]} {_mean(errors):.1f} ms" for name, errors in self.errors.items())
        what = "promoted" if self.is_promoted else "not promoted, since it does not beat both naive forecasts"
        return f"version {self.version}: {what} ({means}); version {self.served_version} is served"


def train(parts: Parts, history: Series, *, trials: int = 8, progress: Progress = no_progress) -> Trained:
    """Train on a history; raise ``InvalidInput`` if it is shorter than ten days."""
    race, trees = _hold_race(history, trials, progress)
    best, best_six = race.best(race.fitted), race.best(_SIXES)
    model = _register_model(parts)
    champion = parts.registry.champion(model)
    six = _register(parts, model, history, race, best_six)
    if best == best_six:
        champion = six
    elif champion is None:
        champion = _register(parts, model, history, race, best)
    served, is_promoted = champion.parameters["forecaster"], best == best_six
    trained = Trained(race.errors, trees, six.number, served, champion.number, is_promoted)
    if champion.number != model.champion:
        beats = "beats both naive forecasts" if is_promoted else f"only {LABELS[served]}, but nothing was served yet"
        why = f"version {champion.number}: {beats}"
        promote(parts.registry, parts.registry.find(model.name), champion.number, why=why)
    log.info("%s: %s", model.name, trained.told())
    return trained


def challenge(parts: Parts, history: Series, *, trials: int) -> ModelVersion:
    """Train on a history and register the better six, without promoting it; raise as ``train`` does."""
    race, _ = _hold_race(history, trials, no_progress)
    return _register(parts, _register_model(parts), history, race, race.best(_SIXES))


def tune(history: Series, trials: int, progress: Progress = no_progress) -> Trees:
    """Return the best of the usual settings and ``trials - 1`` drawn at random, on the last third of a history."""
    random = np.random.default_rng(_SEED)
    drawn = [Trees(), *(_drawn(random) for _ in range(trials - 1))]
    last = len(history) - 1
    first = last - last // 3
    origins = np.arange(last, first, -_STRIDE * 2)[::-1]
    scores = []
    for number, trees in enumerate(drawn if trials > 1 else []):
        progress("tuning", number, len(drawn))
        tried = backtest(history, [_six(trees)], origins=origins, refits=[first, (first + last) // 2])
        score = _mean(errors_by_hour(tried, DirectHours.name))
        scores.append(score if np.isfinite(score) else np.inf)
    return drawn[int(np.argmin(scores))] if scores else drawn[0]


def errors_by_hour(tried: Backtest, name: str) -> Floats:
    """Return the root mean square error of a forecaster by hours ahead, at the origins at which all have forecast."""
    whole = np.all([np.isfinite(path.point).all(axis=1) for path in tried.paths.values()], axis=0)
    squares = (tried.truths[whole] - tried.paths[name].point[whole]) ** 2
    counts = np.isfinite(squares).sum(axis=0)
    errors: Floats = np.sqrt(np.nansum(squares, axis=0) / np.where(counts, counts, np.nan))
    return errors


def _mean(errors: Floats) -> float:
    return float(np.exp(np.mean(np.log(np.maximum(errors, 1e-9)))))


def _drawn(random: np.random.Generator) -> Trees:
    return Trees(
        rounds=int(random.choice([60, 100, 150, 220])),
        max_depth=int(random.integers(2, 6)),
        eta=float(random.choice([0.03, 0.05, 0.08])),
        min_child_weight=float(random.choice([4.0, 8.0, 16.0, 30.0])),
        subsample=float(random.choice([0.5, 0.7, 0.9])),
        colsample_bytree=float(random.choice([0.4, 0.6, 0.8])),
        reg_lambda=float(random.choice([1.0, 5.0, 20.0])),
    )


def _six(trees: Trees) -> Forecaster:
    return DirectHours(horizon=HORIZON, seed=_SEED, trees=trees)


@dataclass(frozen=True, slots=True)
class _Race:
    """What each rival said and lost in the last hours; the rivals are fitted on all hours afterwards."""

    tried: Backtest
    fitted: Mapping[str, Forecaster]
    errors: Mapping[str, Floats]

    def best(self, names: Iterable[str]) -> str:
        """Return which of some rivals, those that took part, lost least."""
        return min((name for name in names if name in self.errors), key=lambda name: _mean(self.errors[name]))


def _hold_race(history: Series, trials: int, progress: Progress) -> tuple[_Race, Trees]:
    """Tune before the race, and hold it; raise ``InvalidInput`` for a history of less than ten days."""
    if int(np.isfinite(history.values).sum()) < FEWEST_HOURS:
        raise InvalidInput(f"history: expected at least {FEWEST_HOURS} hours with a value: fetch more first")
    raced = min(_MOST_RACED, len(history) // 3)
    trees = tune(history.until(len(history) - 1 - raced), trials, progress)
    rivals = [_six(trees), Naive(horizon=HORIZON), SeasonalNaive(horizon=HORIZON)]
    if history.beside:
        rivals.append(DirectServers(horizon=HORIZON, seed=_SEED, trees=trees))
    tried = _race(history, rivals, raced, progress)
    errors = {name: errors_by_hour(tried, name) for name in tried.paths}
    return _Race(tried, {rival.name: rival for rival in rivals}, errors), trees


def _race(history: Series, rivals: list[Forecaster], raced: int, progress: Progress) -> Backtest:
    """Return the backtest of the last ``raced`` hours, refitted twice; afterwards all are fitted on all hours."""
    last = len(history) - 1
    origins = np.arange(last - raced, last + 1)
    race = backtest(history, rivals, origins=origins, refits=[last - raced, last - raced // 2], progress=progress)
    for rival in rivals:
        rival.fit(history)
    return race


def _register_model(parts: Parts) -> Model:
    parts.registry.add_model(
        Model(
            name=parts.model,
            title=f"Response time of {parts.section.main_server}",
            task="forecast",
            created_time=parts.clock.now(),
            headline_metric="mean_absolute_error",
        )
    )
    return parts.registry.find(parts.model)


def _register(parts: Parts, model: Model, history: Series, race: _Race, name: str) -> ModelVersion:
    fitted, tried = race.fitted[name], race.tried
    points = tried.paths[name].point
    origin_times = tuple(history.time_at(int(origin)) for origin in tried.origins)
    rmse = {f"rmse_{step}H": float(error) for step, error in enumerate(race.errors[name], start=1)}
    trees = asdict(fitted.trees) if isinstance(fitted, DirectHours) else {}
    return parts.registry.add_version(
        model,
        TriedForecasters({name: fitted}, origin_times, {name: points}),
        "forecaster",
        metrics={
            "mean_absolute_error": float(np.nanmean(np.abs(tried.truths - points))),
            **rmse,
            **{f"mean_rmse_{rival}": _mean(found) for rival, found in race.errors.items()},
        },
        features=(FeatureSpec("value", "number"),),
        parameters={"forecaster": name, "horizon": HORIZON, "step_seconds": 3600.0, **trees},
        lineage={
            "series": parts.series,
            "first_time": format_time(history.start_time),
            "cut_off_time": format_time(history.end_time),
            "beside": sorted(history.beside),
            "points": len(history),
            "gaps": sum(gap.slots for gap in history.gaps()),
            "scores": training_scores(history, tried, fitted),
        },
        reference=_reference(history, tried, points),
    )


def _reference(history: Series, race: Backtest, points: Floats) -> pd.DataFrame:
    """Return what was said an hour ahead in the race, and what came."""
    known = np.isfinite(race.truths[:, 0])
    times = [format_time(history.time_at(int(origin) + 1)) for origin in race.origins[known]]
    return pd.DataFrame({"time": times, "value": points[known, 0], "truth": race.truths[known, 0]})
