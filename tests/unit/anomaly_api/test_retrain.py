"""The detector is trained anew on what it was asked, and compared where somebody has said what was an anomaly."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly_api.names import MODEL
from anomaly_api.retrain import Detector, owner
from anomaly_api.train import run
from ml_core.artifacts.folders import load_artifact
from ml_core.clock import FixedClock
from ml_core.errors import InvalidInput
from ml_core.process_parts import ProcessParts
from ml_core.records import GroundTruth, Prediction
from ml_core.registry import Registry
from ml_core.retraining.requests import file_by_hand
from ml_core.retraining.retrain import retrain
from ml_core.settings import Settings

HOUR = timedelta(hours=1)


@pytest.fixture
def parts(settings: Settings, registry: Registry, tmp_path: Path) -> ProcessParts:
    """A detector that was trained on windows around 10, with a contamination of 5 %."""
    random = np.random.default_rng(1)
    path = tmp_path / "windows.csv"
    pd.DataFrame({"mean": random.normal(10, 1, 400), "sd": random.gamma(4, 0.25, 400)}).to_csv(path, index=False)
    run(registry, path, 0.05)
    return ProcessParts(settings, registry)


def ask(parts: ProcessParts, clock: FixedClock, rows: int, around: float, *, labelled: bool = True) -> None:
    """Ask the champion about rows, one a quarter of an hour; one in twenty is far off, and is the anomaly."""
    version = parts.registry.champion(parts.registry.find(MODEL))
    assert version is not None
    loaded = load_artifact(parts.registry.artifact_folder(version), version.artifact_sha256 or "")
    random = np.random.default_rng(2)
    is_anomaly = np.arange(rows) % 20 == 19
    table = pd.DataFrame({"mean": random.normal(around, 1, rows) + 30 * is_anomaly, "sd": random.gamma(4, 0.25, rows)})
    outputs = loaded.predict(table)
    predictions, truths = [], []
    for number, row in enumerate(table.to_dict("records")):
        time = clock.now() + number * HOUR / 4
        features = {str(name): float(cell) for name, cell in row.items()}
        value, score = float(outputs.values[number]), float((outputs.scores or [])[number])
        predictions.append(Prediction(f"row-{number}", time, features, value, score, version.number))
        truths.append(GroundTruth(f"row-{number}", -1.0 if is_anomaly[number] else 1.0, time + HOUR))
    parts.store.record_predictions(MODEL, predictions)
    if labelled:
        parts.store.record_truths(MODEL, truths)
    clock.advance(rows * HOUR / 4)


def test_a_detector_that_took_the_new_normal_for_anomalies_is_replaced(parts: ProcessParts, clock: FixedClock) -> None:
    ask(parts, clock, 400, around=16)
    file_by_hand(parts.store, MODEL, author="ada", now=clock.now())
    assert "promoted: version 3 loses" in retrain(owner(parts))
    assert parts.registry.find(MODEL).champion == 3
    challenger = parts.store.list_versions(MODEL)[-1]
    assert challenger.parameters["contamination"] == 0.05
    assert challenger.features == parts.store.list_versions(MODEL)[1].features


def test_where_nobody_says_what_was_an_anomaly_the_champion_stays(parts: ProcessParts, clock: FixedClock) -> None:
    ask(parts, clock, 400, around=16, labelled=False)
    file_by_hand(parts.store, MODEL, author="ada", now=clock.now())
    assert "shadow: version 3: fewer than 30 outcomes" in retrain(owner(parts))
    clock.advance(timedelta(days=15))
    assert "kept: undecided at the end of the trial: version 3 against 2: no outcome is known yet" in retrain(
        owner(parts)
    )
    assert parts.registry.find(MODEL).champion == 2


def test_too_few_rows_are_refused(parts: ProcessParts, clock: FixedClock) -> None:
    ask(parts, clock, 60, around=16)
    with pytest.raises(InvalidInput, match="expected at least 100 rows that were predicted since"):
        Detector(parts).train(clock.now(), clock.now())
