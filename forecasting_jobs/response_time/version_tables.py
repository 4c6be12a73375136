"""The first system's ``track_metrics`` and ``model_versions``: what was trained, how good it was, and what is served.

A version of the registry is six rows, one an hour ahead. Of ``model_versions`` the newest ``etl_insertion_dt`` of a
``modeltype`` is the one that is served: it is the time of the promotion, or of the roll-back that brought it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from forecasting_jobs.response_time.parts import Parts
from ml_core.forecasters.direct_hours import DirectHours
from ml_core.forecasters.direct_servers import DirectServers
from ml_core.records import ModelVersion
from ml_core.store.side_tables import Rows, SideTable

_TYPES = ("6H", "5H", "4H", "3H", "2H", "1H")
_SIXES = (DirectHours.name, DirectServers.name)
TRACKED = SideTable(
    "track_metrics",
    {
        "modelname": "text",
        "modeltype": "text",
        "r2": "number",
        "rmse": "number",
        "cnt_records": "count",
        "remarks": "text",
        "etl_insertion_dt": "time",
    },
    keys=("modelname", "modeltype", "remarks"),
)
VERSIONS = SideTable(
    "model_versions",
    {"modelname": "text", "modeltype": "text", "file_path": "text", "etl_insertion_dt": "time"},
    keys=("modelname", "modeltype"),
)


def versions(parts: Parts) -> list[Rows]:
    """Return the rows of all versions of the model that forecasts; none if it was never trained."""
    model = parts.store.get_model(parts.model)
    if model is None:
        return []
    served = {change.version: change.time for change in model.stage_changes}
    found = parts.store.list_versions(parts.model)
    tracked = [row for version in found for row in _tracked(version)]
    listed = [row for version in found if version.number in served for row in _listed(version, served[version.number])]
    return [Rows(TRACKED, tracked), Rows(VERSIONS, listed)]


def old_name(version: ModelVersion, modeltype: str) -> str:
    """Return a version's name in the first system's way, with our number behind, since two may be of one minute."""
    method = version.parameters.get("forecaster", "")
    start = "xgb" if method in _SIXES else method
    return f"{start}_{modeltype}_model_{version.created_time:%Y%m%d_%H%M}_v{version.number}"


def _tracked(version: ModelVersion) -> list[dict[str, Any]]:
    sets: Mapping[str, Mapping[str, Any]] = version.lineage.get("scores", {})
    return [
        {
            "modelname": old_name(version, modeltype),
            "modeltype": modeltype,
            "r2": None if scores[modeltype]["r2"] is None else 100 * scores[modeltype]["r2"],
            "rmse": scores[modeltype]["rmse"],
            "cnt_records": scores[modeltype]["rows"],
            "remarks": remarks,
            "etl_insertion_dt": version.created_time,
        }
        for remarks, scores in sets.items()
        for modeltype in _TYPES
        if modeltype in scores
    ]


def _listed(version: ModelVersion, time: datetime) -> list[dict[str, Any]]:
    return [
        {
            "modelname": old_name(version, modeltype),
            "modeltype": modeltype,
            "file_path": version.artifact,
            "etl_insertion_dt": time,
        }
        for modeltype in _TYPES
    ]
