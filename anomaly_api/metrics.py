"""The metrics of predictions: those of the first system by their old names, and ones that can be summed and alerted on.

The old ones observe -1 for an anomaly and scores below zero, so their sums fall, which Prometheus takes for a restart;
they are kept for the panels that know them. A request that is refused changes none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anomaly_api.champion import Champion
from ml_core.detectors.base import Floats
from ml_core.web.metrics import AppMetrics

_SCORE_BUCKETS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


class PredictionMetrics:
    """Counts predictions and scores; the time of whole requests is in ``http_request_duration_seconds``."""

    def __init__(self, metrics: AppMetrics) -> None:
        registry = metrics.registry
        self._requests = Counter("num_prediction_requests", "Prediction requests answered.", registry=registry)
        self.model_info_requests = Counter("num_model_info_requests", "Model information requests.", registry=registry)
        self._outputs = Histogram("prediction_output_distribution", "Outputs, 1 or -1.", registry=registry)
        self._seed_scores = Histogram("prediction_score_distribution", "Scores that were asked for.", registry=registry)
        self._latencies = Histogram("prediction_latency_distribution", "Seconds to score one row.", registry=registry)
        predictions = Counter("anomaly_predictions", "Predictions by outcome.", ["outcome"], registry=registry)
        self._inliers, self._anomalies = predictions.labels("inlier"), predictions.labels("anomaly")
        self._scores = _ScoreHistogram(
            "anomaly_prediction_score",
            "Scores of predictions without their sign: higher is more anomalous.",
            buckets=_SCORE_BUCKETS,
            registry=registry,
        )

    def count_one(self, is_inlier: int, score: float, score_asked: bool, seconds: float) -> None:
        """Count a request for one row, as the first system did, and its prediction."""
        self._requests.inc()
        self._outputs.observe(is_inlier)
        if score_asked:
            self._seed_scores.observe(score)
        self._latencies.observe(seconds)
        (self._inliers if is_inlier > 0 else self._anomalies).inc()
        self._scores.observe(-score)

    def count_many(self, labels: NDArray[np.int64], scores: Floats) -> None:
        """Count the predictions of a request for many rows, which the first system did not have."""
        inliers = int((labels > 0).sum())
        self._inliers.inc(inliers)
        self._anomalies.inc(len(labels) - inliers)
        self._scores.observe_all(-scores)


class _ScoreHistogram(Histogram):
    """A histogram that takes many values at once: one by one a thousand of them would cost more than their scores."""

    def observe_all(self, values: Floats) -> None:
        """Observe each of ``values``."""
        found = np.bincount(np.searchsorted(_SCORE_BUCKETS, values), minlength=len(self._buckets))
        for bucket, count in zip(self._buckets, found.tolist(), strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(float(values.sum()))


class ModelInfo(Collector):
    """``anomaly_model_info``: 1 for the version that is served, read when Prometheus asks."""

    def __init__(self, champion: Callable[[], Champion | None]) -> None:
        self._champion = champion

    def collect(self) -> Iterator[Metric]:
        """Yield the metric, without a series while nothing is served."""
        family = GaugeMetricFamily("anomaly_model_info", "The version that is served.", labels=["model", "version"])
        champion = self._champion()
        if champion is not None:
            family.add_metric([champion.model, str(champion.version)], 1)
        yield family
