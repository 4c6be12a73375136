from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_monitor.monitoring.alerts.states import Cause
from ml_monitor.monitoring.profiles.changes import Change
from ml_monitor.pages.alert_lines import AlertLine
from ml_monitor.pages.stories import Part, Story, change_words, plain_text, tell, told_alerts
from ml_monitor.results.summaries import ChunkSummary, ColumnChange, Summary
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY

SINCE = NOON.replace(hour=0) - 3 * DAY
INCOME = ColumnChange("income", 0.7, Change("median", 33_412.0, 4_012.0))
AGE = ColumnChange("age", 0.2, Change("spread", 10.0, 30.0))
VALUE = ColumnChange("value", 0.9, Change("share", 0.1, 0.8, "1"))


def a_line(cause: Cause = "performance", subject: str = "accuracy", **changes: Any) -> AlertLine:
    line = AlertLine("id", "loans", cause, subject, "", "default", "critical", "firing", SINCE, 0.57, None, 0.65)
    return replace(line, **changes)


def a_summary(
    *changes: ColumnChange, before: float = 0.71, after: float | None = 0.57, drifted_days: int = 3, **more: Any
) -> Summary:
    chunks = []
    for day in range(-5, 3):
        is_after = day >= 0
        is_drifted = day >= 3 - drifted_days
        values: dict[str, Any] = {
            "start_time": SINCE + day * DAY,
            "end_time": SINCE + (day + 1) * DAY,
            "rows": 100,
            "truths": 100 if not is_after or after is not None else 0,
            "realised": after if is_after else before,
            "estimated": 0.6 if is_after else before,
            "state": "beyond" if is_after else "ok",
            "columns": 10,
            "drifted": tuple(each.column for each in changes) if is_drifted else (),
            "changes": changes if is_drifted else (),
        }
        chunks.append(ChunkSummary(**values | more))
    return Summary("loans", NOON, "accuracy", 0.72, tuple(chunks))


def text(*lines: AlertLine, summary: Summary | None) -> str:
    story = tell(lines, summary, NOON)
    assert story is not None
    return plain_text((Part("loans", "loans"), Part(story.joiner), *story.parts))


def test_a_fall_of_performance_is_told_with_its_day_its_numbers_and_its_cause() -> None:
    said = text(a_line(), summary=a_summary(AGE, INCOME))
    assert said == "loans is degraded since 17 Nov: accuracy 0.71 to 0.57; `income` changed (median 33k to 4k)"


def test_the_story_holds_what_the_sentence_says() -> None:
    found = tell([a_line()], a_summary(INCOME), NOON)
    assert isinstance(found, Story)
    assert (found.since_time, found.column, found.change) == (SINCE, "income", INCOME.change)
    assert (found.metric, found.before, found.after) == ("accuracy", pytest.approx(0.71), pytest.approx(0.57))
    assert Part("income", "loans", "income") in found.parts


def test_an_input_comes_before_the_predictions_that_follow_from_it() -> None:
    assert "`income` changed" in text(a_line(), summary=a_summary(VALUE, AGE, INCOME))
    assert "`predicted values` changed (share of 1 10 % to 80 %)" in text(a_line(), summary=a_summary(VALUE))


def test_where_no_column_changed_what_follows_from_them_may_have() -> None:
    said = text(a_line(), summary=a_summary())
    assert said.endswith("accuracy 0.71 to 0.57; no column changed, so what follows from them may have (concept drift)")
    without_reference = text(a_line(), summary=a_summary(columns=0))
    assert without_reference.endswith("; no column is compared with a reference")


def test_a_column_that_changed_on_one_day_of_three_explains_nothing() -> None:
    assert "concept drift" in text(a_line(), summary=a_summary(INCOME, drifted_days=1))


def test_a_column_that_changed_before_says_when() -> None:
    said = text(a_line(), summary=a_summary(INCOME, drifted_days=5))
    assert said.endswith("`income` changed on 15 Nov (median 33k to 4k)")


def test_an_estimate_is_told_as_what_it_is() -> None:
    said = text(a_line("estimate"), summary=a_summary(INCOME, after=None))
    assert said.startswith("loans is probably degraded since 17 Nov: estimated accuracy 0.71 to 0.60; `income` changed")


def test_without_chunks_before_the_reference_stands_for_them() -> None:
    summary = a_summary(INCOME)
    only_after = replace(summary, chunks=summary.chunks[5:])
    assert "accuracy 0.72 to 0.57" in text(a_line(), summary=only_after)
    assert "accuracy 0.57;" in text(a_line(), summary=replace(only_after, reference=None))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            a_line("drift", "income"),
            "loans is drifting since 17 Nov: `income` changed (median 33k to 4k); accuracy is 0.57",
        ),
        (
            a_line("quality", "missing of income"),
            "loans is fed with other data since 17 Nov: `income` changed (median 33k to 4k); accuracy is 0.57",
        ),
    ],
)
def test_drift_and_bad_data_say_what_became_of_performance(line: AlertLine, said: str) -> None:
    assert text(line, summary=a_summary(INCOME)) == said


def test_drift_without_truth_says_so() -> None:
    said = text(a_line("drift", "income"), summary=a_summary(INCOME, after=None))
    assert said.endswith("; no truth yet to tell its accuracy")


@pytest.mark.parametrize(
    ("line", "summary"),
    [
        (a_line(), None),
        (a_line(subject="f1"), a_summary(INCOME)),
        (a_line(segment="city=Porto"), a_summary(INCOME)),
        (a_line("drift", "income"), a_summary()),
        (a_line("ingest", "hours"), a_summary(INCOME)),
    ],
)
def test_what_the_summary_knows_nothing_of_is_told_by_the_alert_alone(line: AlertLine, summary: Summary | None) -> None:
    story = tell([line], summary, NOON)
    assert story is not None
    assert (story.joiner, story.column, story.after) == (": ", None, None)


def test_an_acknowledged_alert_says_so_once() -> None:
    known = a_line(state="acknowledged")
    assert text(known, summary=a_summary(INCOME)).endswith("(median 33k to 4k) (acknowledged)")
    assert text(known, summary=None).count("acknowledged") == 1


def test_without_alerts_there_is_no_story() -> None:
    assert tell([], a_summary(INCOME), NOON) is None


def test_the_alert_of_the_column_that_is_named_needs_no_more_words() -> None:
    lines = [a_line(), a_line("drift", "income"), a_line("drift", "age")]
    story = tell(lines, a_summary(INCOME), NOON)
    assert story is not None
    assert told_alerts(story, lines) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("median", 33_412.0, 4_012.0), "median 33k to 4k"),
        (Change("spread", 0.5, 12.25), "5 to 95 % spread 0.50 to 12.2"),
        (Change("missing", 0.0, 0.4), "missing 0 % to 40 %"),
        (Change("share", 0.6, 0.201, "de"), "share of de 60 % to 20 %"),
        (Change("share", 0.012, 0.0), "share of other labels 1.2 % to 0 %"),
        (None, ""),
    ],
)
def test_a_change_is_told_in_few_words(change: Change | None, words: str) -> None:
    assert change_words(change) == words
