"""What scripts written for CML send. A key that is not listed is refused, and nothing is coerced."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from ml_core.store.plain import plain_object
from ml_core.tracking.names import LAST_MS
from ml_core.traffic.times import read_time
from ml_core.web.shapes import Body
from ml_models.window_bodies import EXPECTED_NAME, ShortName, Values, is_short_name

_MOST_METRICS = 100


def _time(value: Any) -> str:
    read_time(value)
    return str(value)


def _metrics(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not 1 <= len(value) <= _MOST_METRICS:
        raise ValueError(f"expected an object of 1 to {_MOST_METRICS} metrics by name")
    for name in value:
        if not is_short_name(name):
            raise ValueError(f"expected names of {EXPECTED_NAME}")
    try:
        return plain_object("metrics", value)
    except ValueError:  # its message may repeat the input
        raise ValueError("expected values that JSON can hold, with numbers of 64 bits") from None


def _aggregates(value: Any) -> dict[str, Any]:
    metrics = _metrics(value)
    if any("/" in name for name in metrics):
        raise ValueError("expected names without a slash")
    return metrics


_METRICS_SCHEMA = {"type": "object", "minProperties": 1, "maxProperties": _MOST_METRICS}
SeedTime = Annotated[str, PlainValidator(_time), WithJsonSchema({"type": "string"})]
"""A time as it was sent: ``read_time`` reads it."""
Metrics = Annotated[dict[str, Any], PlainValidator(_metrics), WithJsonSchema(_METRICS_SCHEMA)]
Aggregates = Annotated[dict[str, Any], PlainValidator(_aggregates), WithJsonSchema(_METRICS_SCHEMA)]
Milliseconds = Annotated[int, Field(ge=0, le=LAST_MS, strict=True)]
Deployment = Annotated[str, Field(min_length=1, max_length=500)]


class TrafficRequest(Body):
    """The newest values of one link, oldest first, and the time of the last of them."""

    rx_gbs: Values
    tx_gbs: Values
    time: list[SeedTime] = Field(min_length=1, max_length=1)
    link: list[ShortName] = Field(min_length=1, max_length=1)
    location: list[ShortName] = Field(min_length=1, max_length=1)


class ModelBody(Body):
    """A request to a deployed model."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "accessKey": "",
                "request": {
                    "rx_gbs": [5.0] * 25,
                    "tx_gbs": [4.0] * 25,
                    "time": ["2024-04-26 02:00:00"],
                    "link": ["Verizon"],
                    "location": ["US-DC4"],
                },
            }
        }
    )

    accessKey: str = Field("", max_length=1000)  # noqa: N815 - the names on the wire, here and below
    request: TrafficRequest


class _Window(Body):
    startTimestampMs: Milliseconds  # noqa: N815
    endTimestampMs: Milliseconds  # noqa: N815

    @field_validator("endTimestampMs")
    @classmethod
    def _check_order(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("startTimestampMs", 0):
            raise ValueError("expected startTimestampMs or later")
        return value


class TrackBody(_Window):
    """Metrics of one prediction, as it was made."""

    modelDeploymentCrn: Deployment | None = None  # noqa: N815
    predictionUuid: ShortName  # noqa: N815
    metrics: Metrics


class DelayedBody(Body):
    """Metrics of one prediction that became known later."""

    modelDeploymentCrn: Deployment | None = None  # noqa: N815
    predictionUuid: ShortName  # noqa: N815
    metrics: Metrics


class AggregateBody(_Window):
    """Metrics over a window of time."""

    modelDeploymentCrn: Deployment | None = None  # noqa: N815
    metrics: Aggregates


class ReadBody(Body):
    """Which of the tracked metrics to read: those that start in a range of time, its end included."""

    modelDeploymentCrn: Deployment | None = None  # noqa: N815
    startTimestampMs: Milliseconds = 0  # noqa: N815
    endTimestampMs: Milliseconds = LAST_MS  # noqa: N815
    knownAtTimestampMs: Milliseconds | None = Field(None, description="as they were known then")  # noqa: N815
    withHistory: bool = Field(False, strict=True, description="every earlier value of aggregates too")  # noqa: N815
