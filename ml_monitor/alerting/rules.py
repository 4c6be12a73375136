"""Alert rules: what is watched of which models, in which chunks, against which threshold, and whom to tell.

Rules are documents of the store, by name. Those in ``DEFAULT_RULES`` hold where no stored rule has their name, so that
a model is watched from its first prediction on; a stored rule of the same name, enabled or not, takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from ml_core.errors import Conflict, FieldError, InvalidInput, NotFound
from ml_core.problems import said_of
from ml_core.records import MODEL_NAME
from ml_core.store.base import Store
from ml_monitor.alerting.rule_thresholds import AnyThreshold, BelowLevel, FalseAlarms, Fixed, Learnt, Part
from ml_monitor.monitoring.alerts.states import Rule
from ml_monitor.monitoring.chunks import MOST_ROWS, BySize, Chunking, parse_chunking
from ml_monitor.monitoring.horizons import BY_HORIZON, BY_SERIES

__all__ = ["BelowLevel", "FalseAlarms", "Fixed", "Learnt"]  # who writes a rule needs its thresholds, too

KIND = "alert_rules"
Watched = Literal["performance", "forecast", "estimate", "drift", "quality", "ingest", "metric"]
Severity = Literal["warning", "critical"]
Channel = Literal["mail", "webhook"]
_K_OF_N = re.compile(r"([1-9][0-9]?) of ([1-9][0-9]?)")
_Name = Annotated[str, Field(min_length=1, max_length=150)]
_WORD = rf"^(?:{MODEL_NAME.pattern})$"


FORECAST_SEGMENTS = (BY_SERIES, BY_HORIZON)
"""By what forecasts are measured apart: each series, and each horizon of each series."""
_BY_PERIOD = ("forecast", "metric")
_WATCHED_SO: Mapping[str, tuple[Watched, ...]] = {
    "columns": ("drift", "quality"),
    "segment_by": ("performance", "forecast"),
    "segment": ("metric",),
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "forecast": {"threshold": {"deviations": 3.0}, "segment_by": BY_SERIES, "minimum_rows": 20},
    "metric": {"minimum_rows": 1},
}


class RuleContent(Part):
    """A rule without its name. ``model`` is a name or ``*``; without ``metrics`` or ``columns`` the main ones count.

    ``segment`` is of a rule on metrics that others write: one of theirs, None for each of them.
    """

    model: Annotated[str, Field(pattern=rf"{_WORD}|^\*$")] = "*"
    watches: Watched
    metrics: Annotated[tuple[_Name, ...], Field(validate_default=True)] = ()
    columns: tuple[_Name, ...] = ()
    segment_by: _Name | None = None
    segment: _Name | None = None
    chunk: str = "day"
    threshold: Annotated[AnyThreshold, Field(validate_default=True)] = FalseAlarms()
    fires_on: str = "2 of 3"
    clears_after: Annotated[int, Field(ge=1, le=99)] = 2
    minimum_rows: Annotated[int, Field(ge=1, le=MOST_ROWS, validate_default=True)] = 50
    repeat_after_hours: Annotated[float, Field(gt=0, le=8760)] = 4.0
    severity: Severity = "warning"
    channels: tuple[Channel, ...] = ("mail", "webhook")
    retrain: bool = False
    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _as_suits_what_is_watched(cls, values: object) -> object:
        """Fill in the defaults of what is watched, where they differ from those of predictions."""
        if not isinstance(values, Mapping):
            return values
        defaults = _DEFAULTS.get(str(values.get("watches")), {})
        return {**values, **{name: value for name, value in defaults.items() if values.get(name) is None}}

    @field_validator("chunk", mode="before")
    @classmethod
    def _is_chunking(cls, value: object, info: ValidationInfo) -> str:
        try:
            parse_chunking(str(value))
        except InvalidInput as error:
            raise ValueError(error.details[0].message) from None
        text = str(value)
        watches = info.data.get("watches")
        if text.isdigit() and watches in _BY_PERIOD:
            raise ValueError(f"expected hour, day, week or month, since what {watches} rules watch comes by time")
        return str(int(text)) if text.isdigit() else text

    @field_validator("fires_on")
    @classmethod
    def _is_k_of_n(cls, value: str) -> str:
        match = _K_OF_N.fullmatch(value)
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError("expected k of n chunks, such as '2 of 3'")
        return value

    @field_validator("columns", "segment_by", "segment")
    @classmethod
    def _suits_what_is_watched(cls, value: object, info: ValidationInfo) -> object:
        of = _WATCHED_SO[str(info.field_name)]
        watches = info.data.get("watches", of[0])
        if value and watches not in of:
            raise ValueError(f"expected none, since only {' and '.join(of)} can be watched so")
        if value and watches == "forecast" and info.field_name == "segment_by" and value not in FORECAST_SEGMENTS:
            raise ValueError(f"expected {' or '.join(FORECAST_SEGMENTS)}, by which forecasts are measured")
        return value

    @field_validator("metrics")
    @classmethod
    def _names_what_others_write(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and info.data.get("watches") == "metric":
            raise ValueError("expected the names of the metrics to watch, as their writer gives them")
        return value

    @field_validator("threshold")
    @classmethod
    def _can_be_had(cls, value: Part, info: ValidationInfo) -> Part:
        watches = info.data.get("watches")
        if watches == "metric" and not isinstance(value, Fixed):
            raise ValueError("expected lower, upper or both, since nothing is known of such a metric but its values")
        if watches == "forecast" and isinstance(value, FalseAlarms):
            raise ValueError(
                "expected deviations, bounds or below_level, since forecasts have no reference to draw from"
            )
        if watches not in (None, "forecast") and isinstance(value, BelowLevel):
            raise ValueError("expected another threshold, since only the intervals of a forecast have a level")
        return value

    @field_validator("minimum_rows")
    @classmethod
    def _can_be_reached(cls, value: int, info: ValidationInfo) -> int:
        chunking = parse_chunking(info.data.get("chunk", "day"))
        if info.data.get("watches") in _BY_PERIOD and isinstance(chunking, BySize):
            return value  # the chunk is what is wrong with it
        if isinstance(chunking, BySize) and value > chunking.rows:
            raise ValueError(
                f"expected at most the {chunking.rows} rows of a chunk, not {value}, or it could never fire"
            )
        return value


class AlertRule(RuleContent):
    """One rule: what is watched of which models, in which chunks, against which threshold, and whom to tell."""

    name: Annotated[str, Field(pattern=_WORD)]

    @property
    def chunking(self) -> Chunking:
        """How rows are cut into chunks."""
        return parse_chunking(self.chunk)

    @property
    def counts(self) -> Rule:
        """The rule's counts for the alert's transitions."""
        bad, of = (int(part) for part in self.fires_on.split(" of "))
        return Rule(bad, of, self.clears_after, self.minimum_rows, timedelta(hours=self.repeat_after_hours))

    def is_for(self, model: str) -> bool:
        """Return whether the rule watches a model."""
        return self.enabled and self.model in ("*", model)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; ``read_rule`` takes them back."""
        values = self.model_dump(mode="json")
        return {"name": values.pop("name"), **values}


DEFAULT_RULES: tuple[AlertRule, ...] = (
    AlertRule(name="default-performance", watches="performance", threshold=Learnt(), severity="critical"),
    AlertRule(name="default-forecast", watches="forecast", severity="critical"),
    AlertRule(
        name="default-coverage", watches="forecast", metrics=("coverage_80", "coverage_95"), threshold=BelowLevel()
    ),
    AlertRule(name="default-estimate", watches="estimate", threshold=Learnt()),
    AlertRule(name="default-drift", watches="drift"),
    AlertRule(name="default-quality", watches="quality"),
    AlertRule(name="default-ingest", watches="ingest", fires_on="1 of 1", clears_after=1, severity="critical"),
    # Whoever forecasts a series with a limit writes 1 here for an hour as of which its upper bound crosses it.
    AlertRule(
        name="default-early-warning",
        watches="metric",
        metrics=("early_warning",),
        threshold=Fixed(upper=0.5),
        fires_on="1 of 1",
        clears_after=1,
    ),
    # Who trains anew writes 1 here when a promotion is taken back, and 0 when one has stood, weeks later perhaps.
    AlertRule(
        name="default-rolled-back",
        watches="metric",
        metrics=("retraining_rolled_back",),
        threshold=Fixed(upper=0.5),
        fires_on="1 of 1",
        clears_after=1,
        repeat_after_hours=168.0,
    ),
)


def read_rule(values: object, where: str = "rule") -> AlertRule:
    """Return the rule that plain values describe; raise ``InvalidInput`` that names each field."""
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{where}: expected keys and values", [FieldError(where, "expected keys and values")])
    try:
        return AlertRule.model_validate(dict(values))
    except ValidationError as error:
        raise refusal(error, where) from None


def refusal(error: ValidationError, where: str = "") -> InvalidInput:
    """Return the error that names each field of a rule that does not fit, below the path ``where``."""
    details = [
        FieldError(".".join(str(part) for part in [where, *_path(problem["loc"])] if part != ""), _message(problem))
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return InvalidInput("; ".join(f"{detail.field}: {detail.message}" for detail in details), details)


def list_rules(store: Store) -> list[AlertRule]:
    """Return all rules by name: the stored ones, and the defaults that none of them replaces."""
    stored = {
        document.key: read_rule(document.content, f"{KIND}.{document.key}") for document in store.list_documents(KIND)
    }
    defaults = {rule.name: rule for rule in DEFAULT_RULES}
    return sorted((defaults | stored).values(), key=lambda rule: rule.name)


def put_rule(store: Store, rule: AlertRule) -> bool:
    """Store a rule, in place of the one of its name; return whether the name is new.

    Raises ``Conflict`` if another process changed it at this moment.
    """
    found = store.get_document(KIND, rule.name)
    expected = found.revision if found else None
    if store.put_document(KIND, rule.name, rule.to_dict(), expected_revision=expected) is None:
        raise Conflict(f"the rule {rule.name!r} was changed meanwhile; look again and decide anew")
    return found is None and rule.name not in {default.name for default in DEFAULT_RULES}


def delete_rule(store: Store, name: str) -> None:
    """Remove a stored rule; a default one of its name holds again. Raises ``NotFound`` and ``Conflict``."""
    found = store.get_document(KIND, name)
    if found is None:
        raise NotFound(f"there is no stored rule {name!r}; GET /alert-rules lists them")
    if not store.delete_document(KIND, name, expected_revision=found.revision):
        raise Conflict(f"the rule {name!r} was changed meanwhile; look again and decide anew")


def rules_for(rules: Sequence[AlertRule], model: str) -> list[AlertRule]:
    """Return the rules that watch a model."""
    return [rule for rule in rules if rule.is_for(model)]


def _path(location: Sequence[int | str]) -> list[int | str]:
    # Pydantic names the member of a union after its field, which is nothing that was sent.
    if location[:1] == ("threshold",):
        return [location[0], *location[2:]]
    return list(location)


def _message(problem: Any) -> str:
    if problem["type"] == "string_pattern_mismatch":
        every = " (or '*', for every model)" if problem["loc"] == ("model",) else ""
        return f"expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit{every}"
    return said_of(problem)
