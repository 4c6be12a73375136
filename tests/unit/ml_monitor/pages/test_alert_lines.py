"""What pages say of alerts: which are shown, in which order, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import Alert
from ml_monitor.monitoring.alerts import responses
from ml_monitor.monitoring.alerts.states import Cause
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.alert_lines import AlertLine, firing, read_alert_lines, sentence, show_subject
from tests.factories import NOON
from tests.unit.ml_monitor.telling import DAY, an_alert, keep, replaced

MIDNIGHT = NOON.replace(hour=0) - 3 * DAY


def lines(store: JsonStore, *alerts: Alert) -> tuple[AlertLine, ...]:
    keep(store, *alerts)
    return read_alert_lines(store, NOON)


def acknowledged(alert: Alert) -> Alert:
    return replaced(alert, responses.acknowledge(alert.state, author="ada", note="on it", time=NOON))


def silenced(alert: Alert) -> Alert:
    until_time = NOON + DAY
    return replaced(alert, responses.silence(alert.state, author="bob", note="known", time=NOON, until_time=until_time))


def test_only_alerts_that_fire_or_may_soon_are_shown(json_store: JsonStore) -> None:
    ok, resolved = an_alert("gg", subject="ok"), an_alert("bbgg", subject="resolved")
    found = lines(json_store, ok, resolved, an_alert("gb", subject="pending"), an_alert("bb", subject="firing"))
    assert [(line.subject, line.state) for line in found] == [("firing", "firing"), ("pending", "pending")]


def test_a_line_tells_since_when_and_what_was_measured(json_store: JsonStore) -> None:
    (line,) = lines(json_store, an_alert("bb", start=MIDNIGHT))
    assert (line.since_time, line.value, line.bound, line.undefined) == (MIDNIGHT, 12.5, 10.0, None)
    (pending,) = lines(json_store, an_alert("gb", start=MIDNIGHT))
    assert (pending.since_time, pending.value) == (MIDNIGHT + DAY, 12.5)


def test_the_worst_come_first_and_what_is_silenced_or_pending_last(json_store: JsonStore) -> None:
    found = lines(
        json_store,
        an_alert("gb", subject="pending"),
        silenced(an_alert(subject="silenced")),
        an_alert(subject="drifted", cause="drift", severity="warning"),
        acknowledged(an_alert(subject="acknowledged")),
        an_alert(subject="quality", cause="quality"),
        an_alert(subject="firing"),
    )
    assert [line.subject for line in found] == ["firing", "quality", "acknowledged", "drifted", "silenced", "pending"]
    assert [line.subject for line in firing(found)] == ["firing", "quality", "acknowledged", "drifted"]


def test_who_has_answered_is_told(json_store: JsonStore) -> None:
    taken_up, quiet = lines(json_store, acknowledged(an_alert(subject="a")), silenced(an_alert(subject="b")))
    assert (taken_up.author, taken_up.note, taken_up.until_time) == ("ada", "on it", None)
    assert (quiet.author, quiet.note, quiet.until_time) == ("bob", "known", NOON + DAY)


def test_of_one_model_only_its_own_alerts_are_read(json_store: JsonStore) -> None:
    keep(json_store, an_alert(model="churn"), an_alert(model="fraud"))
    assert [line.model for line in read_alert_lines(json_store, NOON, "fraud")] == ["fraud"]


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("performance", "performance is above its threshold since 17 Nov (mae 12.5, bound 10)"),
        ("estimate", "estimated performance is above its threshold since 17 Nov (mae 12.5, bound 10)"),
        ("drift", "drift of mae since 17 Nov"),
        ("quality", "data quality is off since 17 Nov (mae 12.5, bound 10)"),
        ("ingest", "predictions have stopped since 17 Nov"),
        ("metric", "mae is above its threshold since 17 Nov (12.5, bound 10)"),
    ],
)
def test_a_sentence_names_the_cause_the_subject_and_since_when(json_store: JsonStore, cause: Cause, said: str) -> None:
    (line,) = lines(json_store, an_alert(cause=cause, start=MIDNIGHT))
    assert sentence(line, NOON) == said


def test_a_sentence_says_the_hour_of_a_chunk_within_a_day_and_who_knows_of_it(json_store: JsonStore) -> None:
    (line,) = lines(json_store, acknowledged(an_alert(cause="drift", subject="rooms", segment="city=Porto")))
    assert sentence(line, NOON) == "drift of rooms in city=Porto since 17 Nov 12:00 UTC, acknowledged"


def test_a_value_below_its_bound_is_called_so_and_one_without_a_bound_beyond(json_store: JsonStore) -> None:
    (line,) = lines(json_store, an_alert(start=MIDNIGHT))
    assert "is below its threshold since 17 Nov (mae 5, bound 10)" in sentence(replace(line, value=5.0), NOON)
    assert "is beyond its threshold since 17 Nov (mae)" in sentence(replace(line, value=None, bound=None), NOON)


def test_a_value_that_is_undefined_keeps_its_reason(json_store: JsonStore) -> None:
    alert = an_alert()
    assert alert.state.episode is not None
    newest = replace(alert.state.episode.newest, value=Undefined("one class"))
    episode = replace(alert.state.episode, newest=newest)
    (line,) = lines(json_store, replaced(alert, replace(alert.state, episode=episode)))
    assert (line.value, line.undefined) == (None, "one class")


def test_a_long_subject_is_cut(json_store: JsonStore) -> None:
    (line,) = lines(json_store, an_alert(subject="x" * 100))
    assert show_subject(line) == "x" * 79 + "…"
