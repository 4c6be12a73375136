from __future__ import annotations

from dataclasses import replace

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.alerts.states import AlertState, Rule, Status
from ml_monitor.monitoring.alerts.transitions import advance, outcome_of
from tests.unit.ml_monitor.monitoring.alerts.alerting import KEY, RULE, after, at, verdict

ONE = Rule(bad_chunks=1, of_chunks=1, good_chunks=1)
WIDE = Rule(bad_chunks=3, of_chunks=5, good_chunks=3)


@pytest.mark.parametrize(
    ("rule", "letters", "status"),
    [
        (RULE, "", "insufficient data"),
        (RULE, "i", "insufficient data"),
        (RULE, "g", "ok"),
        (RULE, "m", "ok"),
        (RULE, "b", "pending"),
        (RULE, "bg", "pending"),
        (RULE, "bgg", "pending"),
        (RULE, "bggg", "ok"),
        (RULE, "bb", "firing"),
        (RULE, "bgb", "firing"),
        (RULE, "bggb", "pending"),
        # insufficient data count as neither, and are a status of their own unless the alert fires
        (RULE, "gi", "insufficient data"),
        (RULE, "bi", "insufficient data"),
        (RULE, "bib", "firing"),
        (RULE, "biiiib", "firing"),
        (RULE, "bbi", "firing"),
        (RULE, "bbgi", "firing"),
        (RULE, "bbgig", "resolved"),
        # clearing
        (RULE, "bbg", "firing"),
        (RULE, "bbgg", "resolved"),
        (RULE, "bbgbg", "firing"),
        (RULE, "bbgmg", "firing"),
        (RULE, "bbggi", "insufficient data"),
        (RULE, "bbggg", "ok"),
        # what led to one firing does not lead to the next
        (RULE, "bbggb", "pending"),
        (RULE, "bbggbb", "firing"),
        (WIDE, "bbgggb", "pending"),
        # other rules
        (ONE, "b", "firing"),
        (ONE, "bg", "resolved"),
        (ONE, "bgb", "firing"),
        (WIDE, "bbggb", "firing"),
        (WIDE, "bbggg", "pending"),
        (WIDE, "bbbgg", "firing"),
        (WIDE, "bbbggg", "resolved"),
    ],
)
def test_chunks_lead_to_a_status(rule: Rule, letters: str, status: Status) -> None:
    assert after(letters, rule=rule)[0].status == status


def test_every_change_of_status_is_one_event_with_its_chunk() -> None:
    state, events = after("gbbgggi")
    assert [(event.before, event.after, event.chunk.chunk) for event in events] == [
        ("insufficient data", "ok", "chunk-0"),
        ("ok", "pending", "chunk-1"),
        ("pending", "firing", "chunk-2"),
        ("firing", "resolved", "chunk-4"),
        ("resolved", "ok", "chunk-5"),
        ("ok", "insufficient data", "chunk-6"),
    ]
    assert [event.time for event in events] == [at(1), at(2), at(3), at(5), at(6), at(7)]
    assert state.status_time == at(7)


def test_an_episode_tells_when_it_began_and_what_was_bad_last() -> None:
    state, _ = after("gbgbm")
    assert state.episode is not None
    assert (state.episode.number, state.episode.first_time, state.episode.fired_time) == (1, at(1), at(4))
    assert state.episode.newest.chunk == "chunk-3"
    assert (state.episode.newest.value, state.episode.newest.bound) == (12.03, 10.0)
    assert state.episode.newest.direction == "lower_is_better"
    state, _ = after("bgg", state=state, first=5)
    assert state.episode is not None
    assert (state.episode.newest.chunk, state.episode.resolved_time) == ("chunk-5", at(8))
    state, _ = after("bb", state=state, first=8)
    assert state.episode is not None
    assert (state.episode.number, state.episode.first_time, state.episode.resolved_time) == (2, at(8), None)


@pytest.mark.parametrize("letters", ["g", "i", "b", "bb", "bbgg", "bbggi", "gbig", "bbbbbbb"])
def test_replaying_a_chunk_changes_nothing(letters: str) -> None:
    state, _ = after(letters)
    for number, letter in enumerate(letters):
        assert advance(state, verdict(number, letter), at(100), RULE) == (state, ())


def test_more_truth_changes_the_verdict_of_a_chunk_in_its_place() -> None:
    state, _ = after("bgg")
    state, events = after([(1, "b")], state=state)
    assert [event.after for event in events] == ["firing"]
    assert [chunk.outcome for chunk in state.history] == ["bad", "bad", "good"]
    # A firing alert ends by good chunks only, also when what fired it turns out well.
    state, events = after([(0, "g")], state=state)
    assert (state.status, events) == ("firing", [])
    state, events = after([(1, "g")], state=state)
    assert state.status == "resolved"


def test_an_alert_fired_by_late_truth_ends_by_a_good_chunk_and_by_nothing_less() -> None:
    rule = Rule(bad_chunks=1, of_chunks=3, good_chunks=2)
    state, _ = after([(1, "g"), (2, "g"), (0, "b")], rule=rule)
    assert state.status == "firing"
    state, _ = after([(3, "i")], rule=rule, state=state)
    assert state.status == "firing"
    assert after([(4, "g")], rule=rule, state=state)[0].status == "resolved"


def test_a_chunk_whose_truth_comes_late_counts_at_its_place_in_time() -> None:
    state, _ = after([(0, "b"), (1, "i"), (2, "g"), (3, "g")])
    assert state.status == "pending"
    late, events = after([(1, "b")], state=state)
    assert [event.after for event in events] == []  # of the last three, chunks 1 to 3, one is bad
    assert [chunk.chunk for chunk in late.history] == ["chunk-1", "chunk-2", "chunk-3"]


def test_an_older_insufficient_chunk_does_not_hide_a_newer_one() -> None:
    state, _ = after([(0, "g"), (2, "g")])
    assert after([(1, "i")], state=state) == (state, [])


def test_a_chunk_that_loses_its_truth_no_longer_counts() -> None:
    state, _ = after("gb")
    assert after([(1, "i")], state=state)[0].status == "insufficient data"
    assert after([(0, "i")], state=state)[0].status == "pending"


def test_after_resolving_older_chunks_no_longer_count() -> None:
    state, _ = after("bbigg")
    assert (state.history, state.settled_time) == ((), at(4))
    assert after([(2, "b"), (4, "b")], state=state) == (state, [])


def test_a_chunk_without_truth_when_the_alert_resolves_may_still_count() -> None:
    state, _ = after([(0, "b"), (1, "b"), (2, "g"), (4, "i"), (3, "g")])
    assert (state.status, state.settled_time) == ("resolved", at(3))
    assert after([(4, "b")], state=state)[0].status == "pending"


def test_too_few_rows_are_insufficient_data_however_bad() -> None:
    rule = Rule(minimum_rows=101)
    assert outcome_of(verdict(0, "b"), rule) == "insufficient"
    assert outcome_of(verdict(0, "b"), replace(rule, minimum_rows=100)) == "bad"
    assert after("bbbb", rule=rule)[0] == replace(after("i")[0], history=after("bbbb", rule=rule)[0].history)


def test_a_new_alert_is_insufficient_data_since_its_first_chunk() -> None:
    state, events = after("ii")
    assert (state.status, state.status_time, events) == ("insufficient data", at(1), [])
    assert AlertState(KEY).status_time is None


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("bad_chunks", {"bad_chunks": 0}),
        ("bad_chunks", {"bad_chunks": 4}),
        ("good_chunks", {"good_chunks": 0}),
        ("minimum_rows", {"minimum_rows": -1}),
        ("repeat_after", {"repeat_after": RULE.repeat_after * 0}),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_by_name(field: str, changes: dict[str, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(RULE, **changes)  # type: ignore[arg-type]
    assert caught.value.details[0].field == field
