"""What the parts of the benchmark share: figures and how they are judged, sizes, rows, processes started together."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import multiprocessing.synchronize
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_core.ids import new_id
from ml_core.records import Model, Prediction

log = logging.getLogger(__name__)

MODEL = "housing_price"
PROCESSES = 4
DAY = timedelta(days=1)
# Processes are forked from one that has loaded the libraries and holds no threads and no connections.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([f"benchmarks.store_{part}" for part in ("documents", "kills", "batches", "outage")])
_LONGEST_WAIT_SECONDS = 120.0
_NOTHING_SHOWN = "the control showed nothing"

_barrier: multiprocessing.synchronize.Barrier | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured. ``shown`` says whether the control had the fault, or the cost, that it must have."""

    name: str
    value: str
    asked: str
    met: bool
    shown: bool = True

    @property
    def ok(self) -> bool:
        """Whether the figure counts as reached: not if its control proves nothing."""
        return self.met and self.shown

    def line(self) -> str:
        """Return the figure as it is printed."""
        verdict = "ok" if self.ok else "short" if self.shown else f"short ({_NOTHING_SHOWN})"
        return f"{self.name}: {self.value} (asked: {self.asked}) {verdict}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each part does."""

    rounds: int = 5
    # documents
    documents_per_process: int = 500
    many_predictions: int = 100_000
    few_predictions: int = 100
    inserts_per_round: int = 10
    # kills by write path; a batch of predictions is written in one piece of rows times padding bytes
    kills: tuple[tuple[str, int], ...] = (
        ("predictions", 150),
        ("truths", 16),
        ("documents", 24),
        ("job runs", 18),
        ("erasures", 18),
    )
    rows_per_killed_batch: int = 700
    torn_tails: int = 20
    big_writes: int = 100
    # faults
    disk_kilobytes: int = 4096
    bit_flips: int = 1000
    # batches
    rows_per_batch: int = 1000
    batches_per_process: int = 20
    # groups
    requests_per_thread: int = 50
    # compaction
    rows_per_packed_day: int = 50_000
    # reads
    models: int = 10
    days: int = 10
    grown_days: int = 40
    chart_days: int = 30
    rows_per_day: int = 10_000
    reads: int = 15
    # outage
    outage_seconds: float = 60.0
    kills_while_away: int = 10
    kills_after_commit: int = 12
    kills_at_any_moment: int = 3
    # the monitor beside other libraries: rows of reference and as many current ones, in chunks
    anchor_rounds: int = 3
    monitored_rows: int = 100_000
    many_monitored_rows: int = 1_000_000
    chunks: int = 20
    random_sets: int = 500
    # forecasts: at most so many series of each kind
    forecast_series: int = 1000
    # link traffic: so many hours of each link, learnt for so many epochs
    link_hours: int = 1000
    link_epochs: int = 20
    # the dashboard: a store with many predictions and one with few, as many models in both, over so many days
    page_rounds: int = 7
    page_requests: int = 20
    watched_models: int = 50
    dashboard_days: int = 30
    many_shown_predictions: int = 1_000_000
    few_shown_predictions: int = 10_000
    points_per_chart: int = 1000
    # the client: calls of a forest in each round, and how long the monitor is down
    forest_rounds: int = 11
    forest_calls: int = 40
    rows_per_call: int = 1000
    down_seconds: float = 60.0
    # anomaly predictions over HTTP, and rows whose scores are compared with scikit-learn's
    load_seconds: float = 5.0
    compared_rows: int = 100_000
    rows_per_body: int = 1_000
    bodies: int = 100

    @property
    def kills_in_all(self) -> int:
        """The number of replayers that are killed in an outage."""
        return self.kills_while_away + self.kills_after_commit + self.kills_at_any_moment


FULL = Sizes()
QUICK = Sizes(
    rounds=1,
    documents_per_process=10,
    many_predictions=1000,
    few_predictions=10,
    inserts_per_round=2,
    kills=(("predictions", 3), ("truths", 1), ("documents", 2), ("job runs", 1), ("erasures", 1)),
    torn_tails=1,
    big_writes=2,
    disk_kilobytes=1024,
    bit_flips=20,
    rows_per_batch=100,
    batches_per_process=2,
    requests_per_thread=5,
    rows_per_packed_day=1000,
    models=2,
    days=8,
    grown_days=16,
    chart_days=8,
    rows_per_day=50,
    reads=1,
    outage_seconds=2.0,
    kills_while_away=2,
    kills_after_commit=2,
    kills_at_any_moment=1,
    anchor_rounds=1,
    monitored_rows=4_000,
    many_monitored_rows=12_000,
    chunks=4,
    random_sets=20,
    forecast_series=3,
    link_hours=500,
    link_epochs=1,
    page_rounds=2,
    page_requests=2,
    watched_models=3,
    dashboard_days=3,
    many_shown_predictions=1800,
    few_shown_predictions=180,
    points_per_chart=50,
    forest_rounds=2,
    forest_calls=1,
    rows_per_call=100,
    down_seconds=2.0,
    load_seconds=0.2,
    compared_rows=700,
    rows_per_body=100,
    bodies=3,
)


def progress(message: str) -> None:
    """Tell on stderr what is being done."""
    print(f"{datetime.now(UTC):%H:%M:%S} {message}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Measurements of a thing and its control, made in turns."""

    mine: Sequence[float]
    control: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the ratios within each round, so that a noisy minute weighs on both sides."""
        return statistics.median(self._ratios)

    def show(self, unit: Callable[[float], str]) -> str:
        """Return the ratio, its range and both medians, the control's last."""
        medians = f"{unit(statistics.median(self.mine))} against {unit(statistics.median(self.control))}"
        low, high = min(self._ratios), max(self._ratios)
        return f"{self.ratio:.2f} [{low:.2f} to {high:.2f} in {len(self.mine)} rounds, {medians}]"

    @property
    def _ratios(self) -> list[float]:
        return [mine / control for mine, control in zip(self.mine, self.control, strict=True)]


def in_turns(rounds: int, mine: Callable[[int], float], control: Callable[[int], float]) -> Pairs:
    """Measure A B A B ...; each function gets the number of the round and returns its measurement."""
    measured = [(mine(number), control(number)) for number in range(rounds)]
    return Pairs([pair[0] for pair in measured], [pair[1] for pair in measured])


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long the work took, in a process without garbage of what was measured before."""
    gc.collect()  # else whole collections fall on every second measurement: always on the same side
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def milliseconds(seconds: float) -> str:
    """Write a duration."""
    return f"{seconds * 1000:.1f} ms"


def rate(rows_per_second: float) -> str:
    """Write a rate."""
    return f"{rows_per_second:,.0f} rows/s"


def together(work: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """Return ``work(argument)`` for each argument, each in a process of its own; see ``wait_for_the_others``."""
    barrier = CONTEXT.Barrier(len(arguments))
    with ProcessPoolExecutor(
        len(arguments), mp_context=CONTEXT, initializer=_set_barrier, initargs=(barrier,)
    ) as executor:
        return list(executor.map(work, arguments))


def wait_for_the_others() -> float:
    """Inside ``together``: return the time at which all processes have come so far, by a clock that they share."""
    assert _barrier is not None
    _barrier.wait(_LONGEST_WAIT_SECONDS)
    return time.monotonic()


def _set_barrier(barrier: multiprocessing.synchronize.Barrier) -> None:
    global _barrier
    _barrier = barrier


def a_model(name: str) -> Model:
    """Return a model to be put into a store."""
    return Model(name, name.replace("_", " "), "regression", datetime(2026, 1, 1, tzinfo=UTC))


def a_batch(time: datetime, rows: int, padding: int = 0) -> list[Prediction]:
    """Return predictions made at one moment: ids end in the number of the row, which is also the value."""
    first = new_id(time)
    text = {"note": "x" * padding} if padding else {}
    return [Prediction(f"{first}-{row}", time, {**features(row), **text}, float(row), 0.5, 1) for row in range(rows)]


def a_day(start: datetime, rows: int) -> list[Prediction]:
    """Return predictions spread over the 24 hours from ``start`` on."""
    times = (start + DAY / rows * row for row in range(rows))
    return [Prediction(new_id(time), time, features(row), float(row), 0.5, 1) for row, time in enumerate(times)]


def features(row: int) -> dict[str, float | str]:
    """Return inputs as a house price model has them."""
    return {"rooms": row % 9 + 0.5, "area": 20.25 + row % 500, "age": float(row % 90), "district": f"north-{row % 12}"}


@contextmanager
def quiet(name: str) -> Iterator[list[str]]:
    """Collect what a logger says instead of printing it."""
    said: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, collector = logging.getLogger(name), Collector()
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield said
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagated
