"""Alert rules: every wrong field is named with what was expected; stored rules take the place of defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import Conflict, InvalidInput, NotFound
from ml_core.records import Document
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.rules import (
    DEFAULT_RULES,
    KIND,
    AlertRule,
    BelowLevel,
    FalseAlarms,
    Fixed,
    Learnt,
    delete_rule,
    list_rules,
    put_rule,
    read_rule,
    rules_for,
)
from ml_monitor.monitoring.chunks import ByPeriod, BySize

ONE_OF_THREE = (
    "expected either deviations, or lower and upper or one of them, or below_level, or false_alarms and smallest_effect"
)
A_NAME = "expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit"
DEFAULT_NAMES = sorted(rule.name for rule in DEFAULT_RULES)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonStore]:
    with closing(JsonStore(tmp_path / "store")) as opened:
        yield opened


def a_rule(**changes: Any) -> AlertRule:
    return read_rule({"name": "my-rule", "watches": "performance"} | changes)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ({"lower": 1}, Fixed(lower=1.0)),
        ({"upper": 0}, Fixed(upper=0.0)),
        ({"lower": 1, "upper": 1}, Fixed(lower=1.0, upper=1.0)),
        ({"deviations": 3}, Learnt(deviations=3.0)),
        ({"false_alarms": 0.01}, FalseAlarms(false_alarms=0.01)),
        ({"smallest_effect": 0}, FalseAlarms(smallest_effect=0.0)),
        (Learnt(deviations=2), Learnt(deviations=2)),
    ],
)
def test_its_fields_tell_which_threshold_is_meant(threshold: Any, expected: object) -> None:
    assert a_rule(threshold=threshold).threshold == expected


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"threshold": {}}, "rule.threshold", ONE_OF_THREE),
        ({"threshold": {"sigma": 3}}, "rule.threshold", ONE_OF_THREE),
        ({"threshold": {"deviations": 3, "lower": 1}}, "rule.threshold", ONE_OF_THREE),
        ({"threshold": 3}, "rule.threshold", ONE_OF_THREE),
        ({"threshold": None}, "rule.threshold", ONE_OF_THREE),
        ({"threshold": {"lower": 2, "upper": 1}}, "rule.threshold", "expected lower to be at most upper"),
        ({"threshold": {"lower": None}}, "rule.threshold", "expected lower, upper or both"),
        ({"threshold": {"lower": float("nan")}}, "rule.threshold.lower", "input should be a finite number"),
        ({"threshold": {"deviations": 0}}, "rule.threshold.deviations", "input should be greater than 0"),
        ({"threshold": {"false_alarms": 0.6}}, "rule.threshold.false_alarms", "less than or equal to 0.5"),
        ({"threshold": {"smallest_effect": float("inf")}}, "rule.threshold.smallest_effect", "finite number"),
        ({"name": "a rule!"}, "rule.name", A_NAME),
        ({"name": "line\n"}, "rule.name", A_NAME),
        ({"name": "x" * 65}, "rule.name", A_NAME),
        ({"model": "two words"}, "rule.model", f"{A_NAME} (or '*', for every model)"),
        ({"model": "**"}, "rule.model", A_NAME),
        ({"watches": "weather"}, "rule.watches", "'quality', 'ingest' or 'metric'"),
        ({"metrics": "roc_auc"}, "rule.metrics", "expected a list"),
        ({"metrics": ["roc_auc", ""]}, "rule.metrics.1", "at least 1 character"),
        ({"columns": ["amount"]}, "rule.columns", "expected none, since only drift and quality"),
        ({"watches": "drift", "segment_by": "country"}, "rule.segment_by", "expected none, since only performance"),
        ({"chunk": "fortnight"}, "rule.chunk", "expected a number of rows or one of hour, day, week, month"),
        ({"chunk": 0}, "rule.chunk", "expected a number of rows"),
        ({"chunk": 10}, "rule.minimum_rows", "expected at most the 10 rows of a chunk, not 50"),
        ({"fires_on": "3 of 2"}, "rule.fires_on", "expected k of n chunks, such as '2 of 3'"),
        ({"fires_on": "0 of 2"}, "rule.fires_on", "expected k of n chunks"),
        ({"fires_on": "2 of 100"}, "rule.fires_on", "expected k of n chunks"),
        ({"clears_after": 0}, "rule.clears_after", "greater than or equal to 1"),
        ({"chunk": 10**50}, "rule.chunk", "expected at most 1,000,000,000 rows"),
        ({"minimum_rows": 10**50}, "rule.minimum_rows", "less than or equal to 1000000000"),
        ({"minimum_rows": 0}, "rule.minimum_rows", "greater than or equal to 1"),
        ({"repeat_after_hours": 1e300}, "rule.repeat_after_hours", "less than or equal to 8760"),
        ({"minimum_rows": True}, "rule.minimum_rows", "expected a whole number, not true"),
        ({"clears_after": False}, "rule.clears_after", "expected a whole number, not false"),
        ({"repeat_after_hours": True}, "rule.repeat_after_hours", "expected a number, not true"),
        ({"threshold": {"deviations": True}}, "rule.threshold.deviations", "expected a number, not true"),
        ({"threshold": {"upper": True}}, "rule.threshold.upper", "expected a number, not true"),
        ({"severity": "mild"}, "rule.severity", "'warning' or 'critical'"),
        ({"channels": ["mail", "pigeon"]}, "rule.channels.1", "'mail' or 'webhook'"),
        ({"Fixed": 1}, "rule.Fixed", "there is no such field"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(changes: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        a_rule(**changes)
    (detail,) = caught.value.details
    assert detail.field == field
    assert message in detail.message


METRIC = {"watches": "metric", "metrics": ["overload"], "threshold": {"upper": 0.8}}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        (
            {"watches": "metric", "threshold": {"upper": 1}},
            "rule.metrics",
            "expected the names of the metrics to watch",
        ),
        (METRIC | {"threshold": {"deviations": 3}}, "rule.threshold", "expected lower, upper or both"),
        ({"watches": "metric", "metrics": ["overload"]}, "rule.threshold", "expected lower, upper or both"),
        (METRIC | {"chunk": 100}, "rule.chunk", "expected hour, day, week or month"),
        (METRIC | {"segment_by": "country"}, "rule.segment_by", "only performance and forecast can be watched so"),
        ({"segment": "web"}, "rule.segment", "only metric can be watched so"),
        ({"watches": "forecast", "segment_by": "country"}, "rule.segment_by", "expected series or horizon"),
        ({"watches": "forecast", "chunk": 100}, "rule.chunk", "expected hour, day, week or month"),
        (
            {"watches": "forecast", "threshold": {"false_alarms": 0.1}},
            "rule.threshold",
            "have no reference to draw from",
        ),
        ({"threshold": {"below_level": 0.1}}, "rule.threshold", "only the intervals of a forecast have a level"),
        ({"watches": "forecast", "threshold": {"below_level": 0.9}}, "rule.threshold.below_level", "less than 0.8"),
    ],
)
def test_what_does_not_suit_what_is_watched_is_named(changes: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        a_rule(**changes)
    (detail,) = caught.value.details
    assert detail.field == field
    assert message in detail.message


def test_a_rule_on_forecasts_learns_from_earlier_chunks_of_each_series_unless_it_says_otherwise() -> None:
    rule = a_rule(watches="forecast")
    assert (rule.threshold, rule.segment_by, rule.minimum_rows) == (Learnt(deviations=3.0), "series", 20)
    own = a_rule(watches="forecast", threshold={"below_level": 0.2}, segment_by="horizon", minimum_rows=5)
    assert (own.threshold, own.segment_by, own.minimum_rows) == (BelowLevel(below_level=0.2), "horizon", 5)


def test_a_rule_on_a_metric_of_others_takes_points_of_one_row() -> None:
    assert a_rule(**METRIC).minimum_rows == 1
    assert read_rule(a_rule(**METRIC, segment="web").to_dict()) == a_rule(**METRIC, segment="web")


@pytest.mark.parametrize("values", [None, 7, "drift", ["name"]])
def test_what_is_no_mapping_is_no_rule(values: object) -> None:
    with pytest.raises(InvalidInput, match="rules\\[3\\]: expected keys and values"):
        read_rule(values, "rules[3]")


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_rule({"severity": "mild", "cunk": "day"}, "rules[0]")
    found = {detail.field for detail in caught.value.details}
    assert found == {"rules[0].name", "rules[0].watches", "rules[0].severity", "rules[0].cunk"}


@pytest.mark.parametrize(
    ("chunk", "text", "chunking"),
    [(1000, "1000", BySize(1000)), ("01000", "1000", BySize(1000)), ("week", "week", ByPeriod("week"))],
)
def test_a_chunk_may_be_written_as_a_number(chunk: object, text: str, chunking: object) -> None:
    rule = a_rule(chunk=chunk)
    assert (rule.chunk, rule.chunking) == (text, chunking)


def test_counts_are_those_of_the_alert() -> None:
    counts = a_rule(fires_on="3 of 5", clears_after=4, minimum_rows=7, repeat_after_hours=0.5).counts
    assert (counts.bad_chunks, counts.of_chunks, counts.good_chunks, counts.minimum_rows) == (3, 5, 4, 7)
    assert counts.repeat_after == timedelta(minutes=30)


@pytest.mark.parametrize("rule", [*DEFAULT_RULES, a_rule(threshold={"upper": 2}, segment_by="country", chunk=500)])
def test_a_rule_comes_back_from_its_plain_values(rule: AlertRule) -> None:
    assert read_rule(rule.to_dict()) == rule


@pytest.mark.parametrize(
    ("changes", "is_watched"),
    [({}, True), ({"model": "fraud"}, True), ({"model": "prices"}, False), ({"enabled": False}, False)],
)
def test_a_rule_is_for_its_model_while_it_is_enabled(changes: Any, is_watched: bool) -> None:
    rule = a_rule(**changes)
    assert rules_for([rule], "fraud") == ([rule] if is_watched else [])


def test_defaults_hold_until_a_stored_rule_takes_their_place_and_again_when_it_goes(store: JsonStore) -> None:
    assert [rule.name for rule in list_rules(store)] == DEFAULT_NAMES
    quiet = a_rule(name="default-drift", watches="drift", enabled=False)
    assert not put_rule(store, quiet)
    assert [rule.name for rule in list_rules(store)] == DEFAULT_NAMES
    assert quiet in list_rules(store)
    delete_rule(store, "default-drift")
    assert list_rules(store) == sorted(DEFAULT_RULES, key=lambda rule: rule.name)


def test_a_new_rule_is_told_from_a_changed_one(store: JsonStore) -> None:
    assert put_rule(store, a_rule())
    assert not put_rule(store, a_rule(severity="critical"))
    (rule,) = [rule for rule in list_rules(store) if rule.name == "my-rule"]
    assert rule.severity == "critical"


def test_only_a_stored_rule_can_be_deleted(store: JsonStore) -> None:
    with pytest.raises(NotFound, match="no stored rule 'default-drift'"):
        delete_rule(store, "default-drift")


class Hurried(JsonStore):
    """A store in which another process changes each rule right after it was read."""

    def get_document(self, kind: str, key: str) -> Document | None:
        found = super().get_document(kind, key)
        content = a_rule(severity="critical").to_dict()
        self.put_document(kind, key, content, expected_revision=found.revision if found else None)
        return found


def test_who_comes_second_is_told_to_look_again(tmp_path: Path) -> None:
    with closing(Hurried(tmp_path / "store")) as store:
        with pytest.raises(Conflict, match="'my-rule' was changed meanwhile"):
            put_rule(store, a_rule())
        with pytest.raises(Conflict, match="'my-rule' was changed meanwhile"):
            delete_rule(store, "my-rule")


def test_a_stored_rule_that_can_no_longer_be_read_is_named(store: JsonStore) -> None:
    store.put_document(KIND, "old", {"name": "old", "watches": "weather"}, expected_revision=None)
    with pytest.raises(InvalidInput, match=r"alert_rules\.old\.watches: "):
        list_rules(store)
