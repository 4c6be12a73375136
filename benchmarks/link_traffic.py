"""Link traffic's figures: ``make bench-link-traffic``, or ``python -m benchmarks.link_traffic``.

- **training**: processor time of a training run over the hours of sixteen links, from the series to the race, in parts
  of the bare Keras fit of the same network on the same windows for as many epochs, in turns;
- **serving**: processor time of a forecast as the worker is asked, in parts of a bare call of Keras' model, in turns;
- **generated**, **shared**: error on held-out weeks in parts of the naive forecasts', on the made-up links and on the
  network series of ``${SHARED:-../shared}``, whose one direction stands for both.

Prints one line for each figure on stdout; exits with 1 if any is short.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import store
from benchmarks.figures import Figure, Sizes, in_turns, milliseconds, progress
from benchmarks.store import Part
from forecasting_jobs.link_traffic import network
from forecasting_jobs.link_traffic.features import targets_of
from forecasting_jobs.link_traffic.link_series import STEP_NAMES, LinkSeries, links_of
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.race import LABELS, LAST_VALUE, SEASONAL_NAIVE, Race
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from forecasting_jobs.link_traffic.train import HELD_OUT, Learnt, learn, to_learn_from
from ml_core.artifacts.folders import save_artifact
from ml_core.artifacts.windowed_network import forecast
from ml_core.config import project_root

END = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = {"hourly": 60, "5min": 21}
CALLS = 40
MOST_OF_TRAINING, MOST_OF_SERVING = 1.3, 3.0


def training(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield how much more than its fit a training run costs."""
    links = _made_up("hourly", timedelta(hours=sizes.link_hours))
    settings = NetworkSettings(epochs=sizes.link_epochs, patience=sizes.link_epochs)
    bare = _bare_fit(links, settings)
    bare()  # both sides find TensorFlow loaded
    pairs = in_turns(
        sizes.anchor_rounds,
        lambda number: _cpu_seconds(lambda: learn(links, "hourly", settings)),
        lambda number: _cpu_seconds(bare),
    )
    shown, asked = pairs.show(lambda seconds: f"{seconds:.1f} s"), f"at most {MOST_OF_TRAINING}"
    yield Figure("training: processor time / the bare fit's", shown, asked, pairs.ratio <= MOST_OF_TRAINING)


def serving(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield how much more than the bare call of the model a served forecast costs, after the first."""
    learnt = learn(_made_up("hourly", timedelta(days=30)), "hourly", NetworkSettings(epochs=1))
    reference = pd.DataFrame({"value": [1.0]})
    saved = save_artifact(folder, "link_traffic", "first", "windowed_network", learnt.fitted.trained, reference)
    window = _window(learnt)
    place, model = str(folder / saved.path), learnt.fitted.trained.model
    probes = learnt.fitted.trained.probes
    one = [probes.over_time[:1], probes.beside[:1]]
    forecast(place, saved.sha256, [window])
    model(one, training=False)
    pairs = in_turns(
        sizes.forest_rounds,
        lambda number: _cpu_seconds(lambda: [forecast(place, saved.sha256, [window]) for _ in range(CALLS)]) / CALLS,
        lambda number: _cpu_seconds(lambda: [np.asarray(model(one, training=False)) for _ in range(CALLS)]) / CALLS,
    )
    shown, asked = pairs.show(milliseconds), f"at most {MOST_OF_SERVING}"
    yield Figure("serving: processor time / the bare model call's", shown, asked, pairs.ratio <= MOST_OF_SERVING)


def generated(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the errors on the made-up links."""
    for step in STEP_NAMES:
        progress(f"the made-up links, {step} ...")
        links = _made_up(step, timedelta(days=DAYS[step]))
        learnt = learn(links, step, NetworkSettings(epochs=sizes.link_epochs))
        yield from _figures(f"made-up links, {step}", [learnt.race])


def shared(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the errors on the shared network series."""
    data = Path(os.environ.get("SHARED", project_root().parent / "shared")) / "data" / "series"
    races = []
    for step, name in (("hourly", "1h"), ("5min", "5min")):
        for path in sorted((data / name).glob("net_*.csv")):
            progress(f"the series {name}/{path.stem} ...")
            races.append(learn(_one_way(path), step, NetworkSettings(), held_out=HELD_OUT[step]).race)
            yield from _figures(f"shared {path.stem}, {step}", races[-1:])
    if not races:
        yield Figure("data", f"nothing at {data}", "the shared series; set SHARED", met=False)
        return
    yield from _figures("shared network series", races)


def _made_up(step: str, length: timedelta) -> list[LinkSeries]:
    return links_of(SimulatedLinks().traffic(END - length, END, STEP_NAMES[step]))


def _one_way(path: Path) -> list[LinkSeries]:
    """Return a series that knows one direction as a link whose other direction is the same."""
    table = pd.read_csv(path)
    times = pd.to_datetime(table["timestamp"], utc=True)
    both = {"rx_gbs": table["value"], "tx_gbs": table["value"]}
    return links_of(pd.DataFrame({"link": path.stem, "location": "shared", "time": times, **both}))


def _bare_fit(links: Sequence[LinkSeries], settings: NetworkSettings) -> Callable[[], Any]:
    """Return the fit alone of what ``learn`` fits: the same windows, network, batches and epochs, with no callbacks."""
    learnt = learn(links, "hourly", NetworkSettings(epochs=1))
    spec, *parts = to_learn_from(links, learnt.cut_off)
    arrays, held = (([i.over_time, i.beside], targets_of(i, each)) for i, each in parts)

    def fit() -> None:
        from ml_core.forecasters.neural import import_keras

        model = network.build(spec, settings)
        model.compile(optimizer=import_keras().optimizers.Adam(settings.learning_rate), loss="mse")
        model.fit(*arrays, validation_data=held, epochs=settings.epochs, batch_size=settings.batch, verbose=0)

    return fit


def _window(learnt: Learnt) -> dict[str, Any]:
    examples = learnt.race.examples
    link, location = examples.pairs[0]
    rx, tx = examples.windows[0].T.tolist()
    time = datetime.fromtimestamp(int(examples.seconds[0]), UTC).isoformat()
    return {"link": link, "location": location, "time": time, "rx_gbs": rx, "tx_gbs": tx}


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _figures(where: str, races: Sequence[Race]) -> Iterator[Figure]:
    for rival in (LAST_VALUE, SEASONAL_NAIVE):
        ratio = float(np.exp(np.mean([np.log(race.ratio(rival)) for race in races])))
        links = sum(len(race.pairs) for race in races)
        yield Figure(f"{where}: RMSE / {LABELS[rival]}'s", f"{ratio:.3f} ({links} links)", "below 1", met=ratio < 1)


PARTS: Mapping[str, Part] = {
    "training": partial(training),
    "serving": partial(serving),
    "generated": partial(generated),
    "shared": partial(shared),
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Measure the chosen parts; return 0 if every figure is reached, else 1."""
    return store.main(arguments, parts)


if __name__ == "__main__":
    sys.exit(main())
