"""The first system's lists of versions: what was trained, and what is served now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.version_tables import TRACKED, VERSIONS, versions
from ml_core.clock import FixedClock
from ml_core.records import ModelVersion
from tests.factories import NOON, a_model

HOUR = timedelta(hours=1)
SCORES = {"train set": {"1H": {"r2": 0.5, "rmse": 12345.6, "rows": 300}, "6H": {"r2": None, "rmse": 2.0, "rows": 6}}}


def add(parts: Parts, clock: FixedClock, forecaster: str, **lineage: Any) -> None:
    named: dict[str, Any] = {"parameters": {"forecaster": forecaster}, "artifact": f"folder-{forecaster}"}
    parts.store.add_version(ModelVersion(parts.model, clock.now(), lineage=lineage, **named))
    clock.advance(HOUR)


def rows(parts: Parts) -> dict[str, list[dict[str, Any]]]:
    return {batch.table.name: [dict(row) for row in batch.rows] for batch in versions(parts)}


def test_before_the_first_training_there_is_nothing(parts: Parts) -> None:
    assert rows(parts) == {}


def test_a_version_is_six_rows_once_it_is_served_and_the_newest_row_is_what_is_served_now(
    parts: Parts, clock: FixedClock
) -> None:
    parts.registry.add_model(a_model(parts.model))
    for forecaster in ("direct_hours", "naive", "direct_servers"):
        add(parts, clock, forecaster, scores=SCORES)

    def served() -> list[str]:
        listed = rows(parts)[VERSIONS.name]
        newest = max(row["etl_insertion_dt"] for row in listed)
        return [row["file_path"] for row in listed if row["etl_insertion_dt"] == newest]

    assert rows(parts)[VERSIONS.name] == []
    for number, expected in ((1, "folder-direct_hours"), (3, "folder-direct_servers")):
        parts.registry.promote(parts.registry.find(parts.model), number)
        clock.advance(HOUR)
        assert served() == [expected] * 6
    parts.registry.roll_back(parts.registry.find(parts.model))
    assert served() == ["folder-direct_hours"] * 6
    assert {row["modeltype"] for row in rows(parts)[VERSIONS.name]} == {f"{step}H" for step in range(1, 7)}
    names = {row["modelname"] for row in rows(parts)[VERSIONS.name] if row["modeltype"] == "6H"}
    assert names == {"xgb_6H_model_20261120_1200_v1", "xgb_6H_model_20261120_1400_v3"}


def test_scores_are_listed_by_set_and_hours_ahead_also_of_what_was_never_served(
    parts: Parts, clock: FixedClock
) -> None:
    parts.registry.add_model(a_model(parts.model))
    add(parts, clock, "naive", scores=SCORES)
    add(parts, clock, "direct_hours")
    found = rows(parts)[TRACKED.name]
    assert [(row["modeltype"], row["r2"], row["rmse"], row["cnt_records"]) for row in found] == [
        ("6H", None, 2.0, 6),
        ("1H", 50.0, 12345.6, 300),
    ]
    assert {(row["remarks"], row["modelname"][:9], row["etl_insertion_dt"]) for row in found} == {
        ("train set", "naive_6H_", NOON),
        ("train set", "naive_1H_", NOON),
    }
