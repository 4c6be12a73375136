"""The thresholds a rule may ask for: learnt, set by hand, by an interval's level, or by a budget of false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ml_core.problems import refuse_boolean


class Part(BaseModel):
    """A part of a rule, without any field that is not listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: object, info: ValidationInfo) -> object:
        return refuse_boolean(value, cls.model_fields[str(info.field_name)].annotation)


class Learnt(Part):
    """The mean of the reference's chunks, give or take so many of their standard deviations."""

    deviations: Annotated[float, Field(gt=0, le=100)] = 3.0


class Fixed(Part):
    """Bounds set by hand, in the metric's units."""

    lower: float | None = None
    upper: float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Fixed:
        if self.lower is None and self.upper is None:
            raise ValueError("expected lower, upper or both")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError("expected lower to be at most upper")
        return self


class BelowLevel(Part):
    """How far the coverage of an interval may fall below its level: of the 80 % interval to 0.7 for 0.1."""

    below_level: Annotated[float, Field(gt=0, lt=0.8)] = 0.1


class FalseAlarms(Part):
    """How often the rule may fire by chance while nothing has changed, over any ``of`` chunks (``2 of 3``: three).

    ``smallest_effect`` is the distance below which a change of a column is too small to matter, however sure it is.
    """

    false_alarms: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    smallest_effect: Annotated[float, Field(ge=0)] = 0.05


def kind_of_threshold(value: object) -> str | None:
    """Return which threshold is meant: the one that has all the fields given; None if that is none, or any."""
    if isinstance(value, Part):
        return type(value).__name__
    given = set(value) if isinstance(value, Mapping) else set()
    kinds = [kind for kind in (Learnt, Fixed, BelowLevel, FalseAlarms) if given and given <= kind.model_fields.keys()]
    return kinds[0].__name__ if kinds else None


AnyThreshold = Annotated[
    Annotated[Learnt, Tag("Learnt")]
    | Annotated[Fixed, Tag("Fixed")]
    | Annotated[BelowLevel, Tag("BelowLevel")]
    | Annotated[FalseAlarms, Tag("FalseAlarms")],
    Discriminator(
        kind_of_threshold,
        custom_error_type="unknown_threshold",
        custom_error_message=(
            "expected either deviations, or lower and upper or one of them, or below_level, "
            "or false_alarms and smallest_effect"
        ),
    ),
]
