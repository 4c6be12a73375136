"""Estimates without truth beside NannyML 0.13: its own data sets value by value, and the CPU time of CBPE in turns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.figures import Figure, Sizes, in_turns, milliseconds, progress
from benchmarks.monitor_anchors import nannyml_data, run_anchor
from ml_monitor.monitoring.estimation import cbpe, cbpe_multiclass, dle
from ml_monitor.monitoring.estimation.estimates import CLASSIFICATION_METRICS, LOSS_METRICS, Estimate
from ml_monitor.monitoring.results import Metric, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold
from ml_monitor.monitoring.thresholds.learnt import learn_threshold

Floats = NDArray[np.float64]

CHUNKS = 20
CAR_LOAN = (0.970744, 0.971011, 0.971407, 0.971091, 0.971123, 0.961090, 0.961825, 0.961073, 0.962533, 0.961316)
CAR_LOAN_BOUNDS = (0.963317, 0.978660)
CARDS = (0.907587, 0.910527, 0.910503, 0.909687, 0.907781, 0.819876, 0.820719, 0.819588, 0.819860, 0.821987)
CARD_CLASSES = ("prepaid_card", "highstreet_card", "upmarket_card")
CAR_PRICE = (850.4, 849.5, 842.7, 848.8, 843.6, 715.3, 713.1, 711.8, 714.7, 704.7)
CAR_FEATURES = ("car_age", "km_driven", "price_new", "accident_count", "door_count", "fuel", "transmission")
LATER_HALF = [5, 6, 7, 8, 9]

NANNYML_CBPE = """
import gc, json, sys, time
import nannyml, numpy, pandas
loaded = numpy.load(sys.argv[1])
frames = [
    pandas.DataFrame({name: loaded[f"{part}_{name}"] for name in ("truth", "score", "label")})
    for part in ("reference", "analysis")
]
def work():
    estimator = nannyml.CBPE(
        metrics=["roc_auc", "average_precision", "f1", "precision", "recall", "accuracy"],
        y_true="truth", y_pred_proba="score", y_pred="label",
        problem_type="classification_binary", chunk_size=len(frames[0]) // int(sys.argv[2]),
    )
    estimator.fit(frames[0])
    return estimator.estimate(frames[1].drop(columns="truth"))
work()
gc.collect()
began = time.process_time()
found = work()
seconds = time.process_time() - began
values = found.filter(period="analysis").to_df()["roc_auc"]["value"].tolist()
print(json.dumps({"seconds": seconds, "roc_auc": values}))
"""


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of estimates: values on NannyML's data sets, then CPU time."""
    data = nannyml_data()
    yield from _car_loan(data)
    yield _cards(data)
    yield from _car_price(data)
    yield from _cpu(sizes, folder)


def _car_loan(data: Path) -> Iterator[Figure]:
    progress("estimation: CBPE on car loans")
    metric = _named("roc_auc", CLASSIFICATION_METRICS)
    reference, analysis = (pd.read_csv(data / f"synthetic_car_loan_{part}.csv") for part in ("reference", "analysis"))
    estimator = cbpe.fit_cbpe(reference["repaid"], reference["y_pred_proba"])
    realised = [
        cbpe.expected_metrics(*_columns(chunk, "y_pred_proba", "repaid"), chunk["y_pred"].to_numpy() == 1)
        for chunk in _chunks(reference, 5000)
    ]
    threshold = learn_threshold([each[metric.name].value for each in realised], metric)
    assert isinstance(threshold, Threshold)
    chunks = [estimator.estimate(chunk["y_pred_proba"], chunk["y_pred"]) for chunk in _chunks(analysis, 5000)]
    yield _closeness("CBPE ROC AUC, car loans, 10 chunks", _values(chunks, metric), CAR_LOAN, 0.0005)
    bounds = [bound for bound in (threshold.lower, threshold.upper) if bound is not None]
    yield _closeness("thresholds of the same, from 10 reference chunks", bounds, CAR_LOAN_BOUNDS, 0.0000005)
    alerts = _beyond(chunks, threshold, metric)
    yield Figure("chunks of the same beyond the threshold", str(alerts), str(LATER_HALF), alerts == LATER_HALF)


def _cards(data: Path) -> Figure:
    progress("estimation: multiclass CBPE on credit cards")
    metric = _named("roc_auc", cbpe_multiclass.METRICS)
    columns = [f"y_pred_proba_{name}" for name in CARD_CLASSES]
    reference, analysis = (pd.read_csv(data / f"mc_{part}.csv") for part in ("reference", "analysis"))
    truths = reference["y_true"].tolist()
    estimator = cbpe_multiclass.fit_cbpe_multiclass(truths, reference[columns].to_numpy(), CARD_CLASSES)
    chunks = [
        estimator.estimate(chunk[columns].to_numpy(), chunk["y_pred"].tolist()) for chunk in _chunks(analysis, 6000)
    ]
    return _closeness("multiclass CBPE ROC AUC, credit cards, 10 chunks", _values(chunks, metric), CARDS, 0.0005)


def _car_price(data: Path) -> Iterator[Figure]:
    progress("estimation: DLE on car prices")
    metric = _named("mae", LOSS_METRICS)
    reference, analysis = (pd.read_csv(data / f"regression_synthetic_{part}.csv") for part in ("reference", "analysis"))
    began = time.process_time()
    estimator = dle.fit_dle(_features(reference), reference["y_pred"], reference["y_true"])
    seconds = time.process_time() - began
    chunks = [estimator.estimate(_features(chunk), chunk["y_pred"]) for chunk in _chunks(analysis, 6000)]
    values = _values(chunks, metric)
    farthest = max(abs(value / known - 1) for value, known in zip(values, CAR_PRICE, strict=True))
    yield Figure(
        "DLE MAE, car prices, 10 chunks, largest difference",
        f"{farthest:.2%} (fit of {len(reference):,} rows: {seconds:.1f} s CPU)",
        "at most 1 %",
        farthest <= 0.01,
    )
    errors = [float((chunk["y_true"] - chunk["y_pred"]).abs().mean()) for chunk in _chunks(reference, 6000)]
    threshold = learn_threshold(errors, metric)
    assert isinstance(threshold, Threshold)
    assert threshold.lower is not None
    alerts, fallen = (
        _beyond(chunks, threshold, metric),
        [place for place, x in enumerate(values) if x < threshold.lower],
    )
    yield Figure(
        "chunks of the same that alert, though the error falls below its bound on 5 to 9",
        f"{alerts}, below the lower bound: {fallen}",
        "none",
        not alerts,
        fallen == LATER_HALF,
    )


def _cpu(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    rows = sizes.many_predictions
    progress(f"estimation: CBPE, six metrics on {rows:,} + {rows:,} rows in {CHUNKS} chunks each, and NannyML")
    generator = np.random.default_rng(20261120)
    arrays = {}
    for part in ("reference", "analysis"):
        probabilities = 1 / (1 + np.exp(-generator.normal(0, 1.5, rows)))
        arrays[f"{part}_truth"] = (generator.random(rows) < probabilities**1.3).astype(np.int64)
        arrays[f"{part}_score"] = probabilities
        arrays[f"{part}_label"] = (probabilities > 0.5).astype(np.int64)
    file = folder / "rows.npz"
    np.savez(file, **arrays)
    theirs: list[list[float]] = []

    def nannyml_seconds(number: int) -> float:
        found = run_anchor(NANNYML_CBPE, str(file), str(CHUNKS))
        theirs.append(found["roc_auc"])
        return float(found["seconds"])

    mine = _judge_all(arrays, rows // CHUNKS)  # what is done but once, such as imports, does not count
    pairs = in_turns(max(3, sizes.rounds), nannyml_seconds, lambda number: _cpu_seconds(arrays, rows // CHUNKS))
    yield Figure(
        f"CPU of CBPE, six metrics with calibration and thresholds, {rows:,} + {rows:,} rows, NannyML / ours",
        pairs.show(milliseconds),
        "at least 2.5",
        pairs.ratio >= 2.5,
    )
    yield _closeness("ROC AUC of the same, ours and NannyML's", mine, theirs[0], 0.0005)


def _cpu_seconds(arrays: dict[str, NDArray[np.generic]], rows: int) -> float:
    began = time.process_time()
    _judge_all(arrays, rows)
    return time.process_time() - began


def _judge_all(arrays: dict[str, NDArray[np.generic]], rows: int) -> list[float]:
    """Do what NannyML's fit and estimate do: calibrate, learn thresholds, estimate both parts, judge the analysis."""
    truths = np.asarray(arrays["reference_truth"], dtype=np.float64)
    estimator = cbpe.fit_cbpe(truths, np.asarray(arrays["reference_score"]))
    realised, values = [], []
    for start in range(0, len(truths), rows):
        part = slice(start, start + rows)
        scores = np.asarray(arrays["reference_score"], dtype=np.float64)[part]
        labels = np.asarray(arrays["reference_label"])[part]
        realised.append(cbpe.expected_metrics(scores, truths[part], labels == 1))
        estimator.estimate(scores, labels)
    thresholds = {
        metric.name: learn_threshold([each[metric.name].value for each in realised], metric)
        for metric in CLASSIFICATION_METRICS
    }
    for start in range(0, len(truths), rows):
        part = slice(start, start + rows)
        estimate = estimator.estimate(
            np.asarray(arrays["analysis_score"])[part], np.asarray(arrays["analysis_label"])[part]
        )
        for metric in CLASSIFICATION_METRICS:
            threshold = thresholds[metric.name]
            assert isinstance(threshold, Threshold)
            threshold.judge(estimate.metrics[metric.name].value, metric.direction)
        values += _values([estimate], _named("roc_auc", CLASSIFICATION_METRICS))
    return values


def _named(name: str, metrics: Sequence[Metric]) -> Metric:
    return next(metric for metric in metrics if metric.name == name)


def _chunks(frame: pd.DataFrame, rows: int) -> list[pd.DataFrame]:
    return [frame.iloc[start : start + rows] for start in range(0, len(frame), rows)]


def _columns(frame: pd.DataFrame, *names: str) -> list[Floats]:
    return [frame[name].to_numpy(dtype=np.float64) for name in names]


def _features(frame: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    return {name: frame[name].to_numpy() for name in CAR_FEATURES}


def _values(estimates: Sequence[Estimate], metric: Metric) -> list[float]:
    found = [estimate.metrics[metric.name].value for estimate in estimates]
    return [value for value in found if not isinstance(value, Undefined)]


def _beyond(estimates: Sequence[Estimate], threshold: Threshold, metric: Metric) -> list[int]:
    judged = (threshold.judge(estimate.metrics[metric.name].value, metric.direction) for estimate in estimates)
    return [place for place, judgement in enumerate(judged) if judgement.state == "beyond"]


def _closeness(name: str, values: Sequence[float], known: Sequence[float], most: float) -> Figure:
    farthest = max(abs(value - wanted) for value, wanted in zip(values, known, strict=True))
    return Figure(f"{name}, largest difference", f"{farthest:.1e}", f"at most {most:.1g}", farthest <= most)
