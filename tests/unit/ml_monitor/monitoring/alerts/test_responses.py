from __future__ import annotations

import pytest

from ml_core.errors import Conflict, InvalidInput
from ml_monitor.monitoring.alerts.responses import acknowledge, lift_silence, silence
from ml_monitor.monitoring.alerts.states import Acknowledgement, ShownStatus, Silence
from tests.unit.ml_monitor.monitoring.alerts.alerting import after, at, firing


@pytest.mark.parametrize("letters", ["", "g", "b", "i", "bbgg"])
def test_only_a_firing_alert_can_be_acknowledged(letters: str) -> None:
    state, _ = after(letters)
    with pytest.raises(Conflict, match=f"the alert is {state.status}"):
        acknowledge(state, author="Ada", note="", time=at(9))


def test_an_acknowledgement_lasts_as_long_as_the_firing() -> None:
    state = acknowledge(firing(), author="Ada", note="looking into it", time=at(3))
    assert state.episode is not None
    assert state.episode.acknowledgement == Acknowledgement("Ada", "looking into it", at(3))
    assert state.shown_status(at(3)) == "acknowledged"
    assert after("b", state=state, first=2)[0].shown_status(at(4)) == "acknowledged"
    again, _ = after("ggbb", state=state, first=2)
    assert again.shown_status(at(9)) == "firing"


def test_a_silence_ends_by_itself_or_is_lifted() -> None:
    state = silence(firing(), author="Ada", note="maintenance", time=at(3), until_time=at(5))
    assert state.silence == Silence("Ada", "maintenance", at(5))
    shown: list[ShownStatus] = [state.shown_status(at(hour)) for hour in (3, 4.99, 5)]
    assert shown == ["silenced", "silenced", "firing"]
    assert lift_silence(state).shown_status(at(3)) == "firing"


def test_a_silence_does_not_hide_that_all_is_well() -> None:
    state = silence(after("g")[0], author="Ada", note="", time=at(1), until_time=at(5))
    assert state.shown_status(at(2)) == "ok"
    assert after("bb", state=state, first=1)[0].shown_status(at(3)) == "silenced"


def test_nobody_can_neither_acknowledge_nor_silence() -> None:
    with pytest.raises(InvalidInput, match="author"):
        acknowledge(firing(), author=" ", note="", time=at(3))
    with pytest.raises(InvalidInput, match="author"):
        silence(firing(), author="", note="", time=at(3), until_time=at(4))


def test_a_silence_that_is_over_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInput, match="until_time: expected a time after"):
        silence(firing(), author="Ada", note="", time=at(3), until_time=at(3))
