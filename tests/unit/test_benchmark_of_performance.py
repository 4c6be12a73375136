"""The benchmark of realised performance: one quick round, in which what does not depend on the machine must hold."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import QUICK
from benchmarks.monitor_performance import CHUNKS, NINE, draw, measure, ours
from ml_monitor.monitoring.performance.catalogue import METRICS


def test_a_quick_round_is_exact_and_its_control_is_not(tmp_path: Path) -> None:
    exactness, six, nine = measure(QUICK, tmp_path)
    assert exactness.ok, exactness.line()
    assert "6 metrics" in six.name
    assert "9 metrics" in nine.name


def test_all_metrics_of_the_task_are_measured_on_every_chunk() -> None:
    assert set(NINE) == {metric.name for metric in METRICS["binary"]}
    assert [set(chunk) for chunk in ours(draw(1000), NINE)] == [set(NINE)] * CHUNKS
