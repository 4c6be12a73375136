from __future__ import annotations

from dataclasses import replace

import pytest

from ml_monitor.monitoring.alerts.notifying import Notice, due_notifications, is_inhibited, mark_told
from ml_monitor.monitoring.alerts.responses import acknowledge, silence
from ml_monitor.monitoring.alerts.states import ALL_MODELS, AlertKey, AlertState
from tests.unit.ml_monitor.monitoring.alerts.alerting import KEY, RULE, after, at, firing

MODEL = KEY.model
DRIFT = AlertKey(MODEL, "drift", "area")
INGEST = AlertKey(MODEL, "ingest", "rows")
OTHER = AlertKey("payment_fraud", "performance", "recall")
EVERYWHERE = AlertKey(ALL_MODELS, "ingest", "rows")


def due(*states: AlertState, hour: float = 3) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what is due in short: model, cause, and kind and subject of each notice."""
    found = due_notifications([(state, RULE) for state in states], at(hour))
    return [(each.model, each.cause, [(notice.kind, notice.key.subject) for notice in each.notices]) for each in found]


def only(state: AlertState, hour: float) -> Notice:
    ((notice,),) = (each.notices for each in due_notifications([(state, RULE)], at(hour)))
    return notice


def told(state: AlertState, hour: float) -> AlertState:
    return mark_told(state, only(state, hour), at(hour))


def test_a_notice_carries_all_that_one_asks_first() -> None:
    state, _ = after("gbib")
    assert only(state, 5) == Notice(
        kind="firing",
        key=KEY,
        first_time=at(1),
        fired_time=at(4),
        chunk="chunk-3",
        chunk_time=at(3),
        value=12.03,
        threshold=10.0,
        direction="lower_is_better",
        resolved_time=None,
    )


@pytest.mark.parametrize("letters", ["", "g", "b", "i", "bi"])
def test_what_does_not_fire_is_not_told(letters: str) -> None:
    assert due(after(letters)[0]) == []


def test_a_firing_alert_is_told_once_and_again_after_four_hours() -> None:
    state = told(firing(), 3)
    assert due(state, hour=6.99) == []
    assert only(state, 7).kind == "repeated"
    state = told(state, 7)
    assert due(state, hour=10.99) == []
    assert only(state, 11).kind == "repeated"


def test_who_was_told_that_it_fires_is_told_once_that_it_has_ended() -> None:
    state, _ = after("gg", state=told(firing(), 3), first=2)
    notice = only(state, 5)
    assert (notice.kind, notice.resolved_time) == ("resolved", at(4))
    state = told(state, 5)
    assert due(state, hour=100) == []
    unchanged, _ = after("ggi", state=state, first=4)
    assert due(unchanged, hour=100) == []


def test_the_end_is_told_even_if_the_next_chunk_came_before() -> None:
    state, _ = after("ggg", state=told(firing(), 3), first=2)
    assert (state.status, only(state, 6).kind) == ("ok", "resolved")


def test_who_was_not_told_that_it_fires_need_not_know_that_it_has_ended() -> None:
    assert due(after("bbgg")[0]) == []


def test_a_second_firing_is_told_within_the_repeat_time() -> None:
    state, _ = after("ggbb", state=told(firing(), 3), first=2)
    assert only(state, 6.5).kind == "firing"


def test_an_acknowledged_alert_is_not_repeated_but_its_end_is_told() -> None:
    state = acknowledge(told(firing(), 3), author="Ada", note="", time=at(4))
    assert due(state, hour=50) == []
    assert only(after("gg", state=state, first=2)[0], 50).kind == "resolved"


def test_an_alert_acknowledged_before_it_was_told_is_not_told() -> None:
    assert due(acknowledge(firing(), author="Ada", note="seen on the page", time=at(2.5))) == []


def test_a_silence_holds_back_what_is_due_until_it_expires() -> None:
    state = silence(firing(), author="Ada", note="", time=at(2), until_time=at(9))
    assert due(state, hour=8.99) == []
    assert only(state, 9).kind == "firing"
    state = silence(told(firing(), 3), author="Ada", note="", time=at(3), until_time=at(9))
    ended, _ = after("gg", state=state, first=2)
    assert due(ended, hour=8) == []
    assert only(ended, 9).kind == "resolved"


def test_alerts_are_grouped_by_model_and_cause() -> None:
    states = [
        firing(replace(DRIFT, subject="rooms")),
        firing(OTHER),
        firing(DRIFT),
        firing(replace(DRIFT, segment="north")),
        firing(replace(KEY, cause="quality", subject="missing")),
    ]
    assert due(*states) == [
        (MODEL, "drift", [("firing", "area"), ("firing", "area"), ("firing", "rooms")]),
        (MODEL, "quality", [("firing", "missing")]),
        ("payment_fraud", "performance", [("firing", "recall")]),
    ]


@pytest.mark.parametrize(
    ("cause", "key", "inhibited"),
    [
        (KEY, DRIFT, True),
        (KEY, replace(DRIFT, segment="north"), True),
        (KEY, replace(DRIFT, model="payment_fraud"), False),
        (KEY, replace(KEY, subject="rmse"), False),
        (KEY, replace(KEY, cause="quality"), False),
        (replace(KEY, cause="estimate"), DRIFT, False),
        (DRIFT, KEY, False),
        (INGEST, KEY, True),
        (INGEST, DRIFT, True),
        (INGEST, OTHER, False),
        (INGEST, INGEST, False),
        (INGEST, EVERYWHERE, False),
        (EVERYWHERE, OTHER, True),
        (EVERYWHERE, INGEST, True),
        (EVERYWHERE, EVERYWHERE, False),
        (EVERYWHERE, replace(EVERYWHERE, subject="delay"), False),
    ],
)
def test_some_alerts_make_others_no_news(cause: AlertKey, key: AlertKey, inhibited: bool) -> None:
    assert is_inhibited(key, [cause]) == inhibited


def test_what_is_inhibited_is_told_once_that_has_ended() -> None:
    performance, drift = firing(), firing(DRIFT)
    assert due(performance, drift) == [(MODEL, "performance", [("firing", "mae")])]
    better, _ = after("gg", state=told(performance, 3), first=2)
    assert due(better, drift, hour=5) == [
        (MODEL, "drift", [("firing", "area")]),
        (MODEL, "performance", [("resolved", "mae")]),
    ]


def test_an_alert_that_is_silenced_or_acknowledged_still_inhibits() -> None:
    quiet = silence(firing(), author="Ada", note="", time=at(2), until_time=at(9))
    taken = acknowledge(firing(), author="Ada", note="", time=at(2))
    assert due(quiet, firing(DRIFT)) == due(taken, firing(DRIFT)) == []


def test_a_failed_ingest_leaves_one_message_of_everything() -> None:
    states = [firing(key) for key in (KEY, DRIFT, INGEST, OTHER, EVERYWHERE)]
    assert due(*states) == [(ALL_MODELS, "ingest", [("firing", "rows")])]


def test_a_notice_of_another_alert_cannot_be_marked() -> None:
    with pytest.raises(ValueError, match="is not one of"):
        mark_told(firing(DRIFT), only(firing(), 3), at(3))
