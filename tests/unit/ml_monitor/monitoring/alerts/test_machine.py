"""A state machine of random chunks, replays, late truth and notices, beside a model that remembers everything."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ml_monitor.monitoring.alerts.notifying import due_notifications, mark_told
from ml_monitor.monitoring.alerts.plain import state_from_dict, state_to_dict
from ml_monitor.monitoring.alerts.responses import acknowledge, silence
from ml_monitor.monitoring.alerts.states import AlertState, Event, Rule
from ml_monitor.monitoring.alerts.transitions import advance
from tests.factories import NOON
from tests.unit.ml_monitor.monitoring.alerts.alerting import KEY, verdict

HOUR = timedelta(hours=1)
LETTERS = st.sampled_from("gbim")


class Alerting(RuleBasedStateMachine):
    """One alert through its life. ``letters`` holds the last verdict of every chunk since it last resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState(KEY)
        self.now: datetime = NOON
        self.next_chunk = 0
        self.letters: dict[int, str] = {}
        self.firings = 0
        self.sent: list[tuple[str, int, datetime]] = []

    @initialize(bad=st.integers(1, 3), more=st.integers(0, 2), good=st.integers(1, 3))
    def choose_a_rule(self, bad: int, more: int, good: int) -> None:
        self.rule = Rule(bad, bad + more, good, repeat_after=4 * HOUR)

    def judge(self, number: int, letter: str) -> tuple[Event, ...]:
        """Pass a verdict to the alert, check the event it makes, and keep the model beside it."""
        before = self.state
        self.state, events = advance(before, verdict(number, letter), self.now, self.rule)
        assert len(events) <= 1
        assert [event.after for event in events] == ([self.state.status] if self.state.status != before.status else [])
        self.letters[number] = letter
        sufficient = [self.letters[each] for each in sorted(self.letters) if self.letters[each] != "i"]
        for event in events:
            if event.after == "firing":
                assert sufficient[-self.rule.of_chunks :].count("b") >= self.rule.bad_chunks
                self.firings += 1
            if event.after == "resolved":
                assert (event.before, letter) == ("firing", "g")
                assert sufficient[-self.rule.good_chunks :] == ["g"] * self.rule.good_chunks
                self.letters = {}
            if event.after == "insufficient data":
                assert letter == "i"
        return events

    @rule(letter=LETTERS, gap=st.integers(0, 3))
    def a_chunk_ends(self, letter: str, gap: int) -> None:
        self.next_chunk += 1 + gap
        self.now = max(self.now, NOON + self.next_chunk * HOUR)
        self.judge(self.next_chunk, letter)

    @rule()
    def insufficient_data_come(self) -> None:
        bad_and_good = [chunk for chunk in self.state.history if chunk.outcome != "insufficient"]
        was_firing = self.state.status == "firing"
        self.next_chunk += 1
        self.judge(self.next_chunk, "i")
        assert [chunk for chunk in self.state.history if chunk.outcome != "insufficient"] == bad_and_good
        assert self.state.status == ("firing" if was_firing else "insufficient data")

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), letter=LETTERS)
    def more_truth_comes_for_the_newest_chunk_or_the_one_before(self, data: st.DataObject, letter: str) -> None:
        remembered = [int(chunk.chunk.removeprefix("chunk-")) for chunk in self.state.history][-2:]
        if remembered and (letter != "i" or data.draw(st.booleans())):
            self.judge(data.draw(st.sampled_from(remembered)), letter)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), hours=st.integers(0, 9))
    def a_chunk_is_replayed(self, data: st.DataObject, hours: int) -> None:
        counted = [int(chunk.chunk.removeprefix("chunk-")) for chunk in self.state.history]
        number = data.draw(st.sampled_from([*counted, self.next_chunk]))
        letter = self.letters.get(number, "i")
        if number in self.letters:
            again, events = advance(self.state, verdict(number, letter), self.now + hours * HOUR, self.rule)
            assert (again, events) == (self.state, ())

    @rule(hours=st.integers(0, 6))
    def time_passes_and_notices_are_sent(self, hours: int) -> None:
        self.now += hours * HOUR
        for notification in due_notifications([(self.state, self.rule)], self.now):
            (notice,) = notification.notices
            assert self.state.episode is not None
            assert self.firings == self.state.episode.number
            assert (notice.kind == "resolved") == (self.state.status != "firing")
            assert not self.state.is_silenced(self.now)
            self.state = mark_told(self.state, notice, self.now)
            self.sent.append((notice.kind, self.firings, self.now))
        assert due_notifications([(self.state, self.rule)], self.now) == []

    @precondition(lambda self: self.state.status == "firing")
    @rule()
    def somebody_acknowledges(self) -> None:
        self.state = acknowledge(self.state, author="Ada", note="on it", time=self.now)

    @rule(hours=st.integers(1, 9))
    def somebody_silences(self, hours: int) -> None:
        self.state = silence(
            self.state, author="Ada", note="maintenance", time=self.now, until_time=self.now + hours * HOUR
        )

    @rule()
    def the_process_restarts(self) -> None:
        self.state = state_from_dict(json.loads(json.dumps(state_to_dict(self.state))))

    @invariant()
    def a_transition_is_told_once_and_repeats_keep_their_distance(self) -> None:
        transitions = [(kind, episode) for kind, episode, _ in self.sent if kind != "repeated"]
        assert len(transitions) == len(set(transitions))
        for episode in {episode for _, episode, _ in self.sent}:
            times = [time for kind, number, time in self.sent if number == episode and kind != "resolved"]
            assert all(later - earlier >= 4 * HOUR for earlier, later in pairwise(times))

    @invariant()
    def what_is_remembered_stays_small(self) -> None:
        if hasattr(self, "rule"):
            assert len(self.state.history) <= max(self.rule.of_chunks, self.rule.good_chunks) + 1


Alerting.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAlerting = Alerting.TestCase
