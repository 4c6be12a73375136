from __future__ import annotations

import json

import pytest

from ml_monitor.monitoring.alerts.notifying import due_notifications, mark_told
from ml_monitor.monitoring.alerts.plain import state_from_dict, state_to_dict
from ml_monitor.monitoring.alerts.responses import acknowledge, silence
from ml_monitor.monitoring.alerts.states import AlertState
from tests.unit.ml_monitor.monitoring.alerts.alerting import KEY, RULE, after, at, firing


def everything() -> AlertState:
    """Return a state in which nothing is None: told, acknowledged, silenced, settled, its newest chunk insufficient."""
    state, _ = after("ggbbi", state=firing(), first=2)
    ((notice,),) = (each.notices for each in due_notifications([(state, RULE)], at(8)))
    state = acknowledge(mark_told(state, notice, at(8)), author="Ada", note="on it", time=at(9))
    return silence(state, author="Grace", note="until Monday", time=at(9), until_time=at(80))


@pytest.mark.parametrize(
    "state",
    [AlertState(KEY), *(after(letters)[0] for letters in ("g", "b", "i", "bb", "bbgg")), everything()],
    ids=lambda state: state.status,
)
def test_a_state_survives_a_restart(state: AlertState) -> None:
    assert state_from_dict(json.loads(json.dumps(state_to_dict(state)))) == state


def test_acknowledgements_and_silences_survive_a_restart_with_author_and_note() -> None:
    content = state_to_dict(everything())
    assert content["episode"]["acknowledgement"] == {"author": "Ada", "note": "on it", "time": at(9).isoformat()}
    assert content["silence"] == {"author": "Grace", "note": "until Monday", "until_time": at(80).isoformat()}
    assert content["told"] == {"episode": 2, "time": at(8).isoformat(), "is_resolved": False}
    assert state_from_dict(content).shown_status(at(10)) == "silenced"
    assert state_from_dict(content).shown_status(at(80)) == "acknowledged"


def test_what_is_undefined_is_stored_with_its_reason() -> None:
    assert state_to_dict(after("gi")[0])["history"][-1]["value"] == {"undefined": "no truth yet"}
