"""A trial goes on by what becomes known: a challenger may yet win or lose, and a promotion may be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from ml_core.retraining.advance import ROLLED_BACK, advance, begin_trial
from ml_core.retraining.asking import roll_back
from ml_core.retraining.history import list_events
from ml_core.retraining.requests import file_by_hand, file_for_alert
from ml_core.retraining.retrain import serve_request
from ml_core.retraining.shadows import shadow_name
from ml_core.retraining.trials import Trial, end_trial, read_trial
from tests.factories import a_version
from tests.retraining_world import HOUR, MODEL, World, dearer

DAY = timedelta(days=1)


def somewhat_dearer(price: Any) -> Any:
    """Return what houses cost after a rise that a quarter of sixty hours is too short to show."""
    return 1.1 * price


def retrain(world: World) -> None:
    file_by_hand(world.store, MODEL, author="ada", now=world.clock.now())
    serve_request(world.parts, world.subject)


def the_trial(world: World) -> Trial:
    trial = read_trial(world.store, MODEL)
    assert trial is not None
    return trial


def look_often(world: World, price: Callable[[Any], Any]) -> None:
    """Live and look every few hours until the trial has ended."""
    kind = the_trial(world).kind
    for _ in range(12):
        world.live(4, rows=6, price=price)
        advance(world.parts, world.subject)
        trial = read_trial(world.store, MODEL)
        if trial is None or trial.kind != kind:
            return
    raise AssertionError(f"the trial goes on after two days: {trial}")


def rolled_back(world: World) -> list[float]:
    """Return what the metric that rules watch said of the last day, oldest first."""
    now = world.clock.now()
    totals: list[float] = world.store.metric_series(MODEL, ROLLED_BACK, now - DAY, now + DAY)["total"].tolist()
    return totals


def test_a_challenger_that_turns_out_better_only_later_is_promoted_from_the_shadow(world: World) -> None:
    world.live(60, price=somewhat_dearer)
    retrain(world)
    assert (world.model.champion, the_trial(world).kind) == (1, "shadow")
    look_often(world, somewhat_dearer)
    assert world.model.champion == 2
    assert (the_trial(world).kind, the_trial(world).hidden) == ("watch", 1)
    promoted = list_events(world.store, MODEL)[-1]
    assert (promoted.what, promoted.version) == ("promoted", 2)
    assert promoted.figures["rival_loss"] < promoted.figures["loss"]


def test_a_promotion_that_turns_out_wrong_is_rolled_back_and_leaves_a_metric_to_watch(world: World) -> None:
    world.live(100, price=dearer)
    retrain(world)
    assert (world.model.champion, the_trial(world).kind) == (2, "watch")
    look_often(world, lambda price: price)
    assert world.model.champion == 1
    assert world.model.stage_changes[-1].action == "roll_back"
    assert read_trial(world.store, MODEL) is None
    assert [event.what for event in list_events(world.store, MODEL)][-1] == "rolled_back"
    assert rolled_back(world) == [1.0]


def test_a_promotion_that_holds_is_confirmed(world: World) -> None:
    world.live(100, price=dearer)
    retrain(world)
    look_often(world, dearer)
    assert world.model.champion == 2
    assert [event.what for event in list_events(world.store, MODEL)][-1] == "confirmed"
    assert rolled_back(world) == [0.0]


def test_a_shadow_that_shows_nothing_until_its_end_is_kept_out(world: World) -> None:
    world.live(60)
    retrain(world)
    world.live(2)
    assert (advance(world.parts, world.subject) or "").startswith("shadow goes on: ")
    looked = the_trial(world)
    assert looked.looked_time == world.clock.now() and looked.pairs > 60
    world.clock.advance(14 * DAY)
    assert (advance(world.parts, world.subject) or "").startswith("kept: undecided at the end of the trial: ")
    assert (world.model.champion, read_trial(world.store, MODEL)) == (1, None)
    assert rolled_back(world) == []  # what was never promoted says nothing of promotions


def test_the_shadow_predicts_the_same_ids_once_and_apart_from_what_is_served(world: World) -> None:
    world.live(60)
    retrain(world)
    world.live(3)
    start, end = the_trial(world).start_time, world.clock.now()
    served = world.store.predictions(MODEL, start, end)
    for _ in range(2):
        advance(world.parts, world.subject)
    hidden = world.store.predictions(shadow_name(MODEL, 2), start, end)
    assert hidden["prediction_id"].tolist() == served["prediction_id"].tolist()
    assert set(hidden["version"]) == {2} and set(served["version"]) == {1}
    assert (hidden["value"] != served["value"]).all()
    assert world.store.predictions(MODEL, start, end).equals(served)
    assert MODEL + ".shadow.2" not in [model.name for model in world.store.list_models()]


def test_what_the_shadow_has_said_counts_as_it_was_said(world: World) -> None:
    world.live(60)
    retrain(world)
    world.live(3)
    advance(world.parts, world.subject)
    trial, now = the_trial(world), world.clock.now()
    version = world.parts.registry.version(world.model, 2)
    kept = world.subject.losses(version, trial.start_time, now, now)
    world.store.erase(shadow_name(MODEL, 2), kept.index.tolist())
    asked_again = world.subject.losses(version, trial.start_time, now, now)
    assert_frame_equal(asked_again, kept)  # but for the last digits, by which rows are summed


def test_a_trial_whose_champion_a_person_has_changed_ends(world: World) -> None:
    world.live(60)
    retrain(world)
    other = world.subject.train(world.clock.now(), world.clock.now())
    world.parts.registry.promote(world.model, other.number)
    line = advance(world.parts, world.subject)
    assert line == "kept: the trial has ended: the champion was changed to version 3 meanwhile"
    assert read_trial(world.store, MODEL) is None
    assert advance(world.parts, world.subject) is None


def test_a_promotion_whose_process_died_before_it_was_watched_is_watched_by_the_next(world: World) -> None:
    world.live(60)
    retrain(world)
    world.parts.registry.promote(world.model, 2)
    assert "is watched" in (advance(world.parts, world.subject) or "")
    assert (the_trial(world).kind, the_trial(world).served, the_trial(world).hidden) == ("watch", 2, 1)


@pytest.mark.parametrize("who", ["a run that died", "ada"])
def test_a_rollback_whose_process_died_before_it_was_told_is_told_by_the_next_look(world: World, who: str) -> None:
    world.store.add_version(a_version(MODEL))
    world.parts.registry.promote(world.model, 2)
    begin_trial(world.parts, MODEL, "watch", served=2, hidden=1)
    world.clock.advance(HOUR)
    if who == "ada":
        roll_back(world.parts.registry, MODEL, author=who)
    else:
        world.parts.registry.roll_back(world.model)
    line = advance(world.parts, world.subject) or ""
    told = [event.who for event in list_events(world.store, MODEL) if event.what == "rolled_back"]
    if who == "ada":
        assert line.startswith("kept: the trial has ended") and told == ["ada"] and rolled_back(world) == []
    else:
        assert line == "rolled back: back to version 1, by a run that ended before it said so"
        assert len(told) == 1 and rolled_back(world) == [1.0]


def test_no_rule_asks_while_a_challenger_is_in_the_shadow_but_one_may_while_a_promotion_is_watched(
    world: World,
) -> None:
    world.live(60)
    retrain(world)
    later = world.clock.now() + HOUR
    assert file_for_alert(world.store, MODEL, rule="rmse", alert_id="a", fired_time=later, now=later) is None
    world.parts.registry.promote(world.model, 2)
    advance(world.parts, world.subject)
    assert the_trial(world).kind == "watch"
    assert file_for_alert(world.store, MODEL, rule="rmse", alert_id="a", fired_time=later, now=later) is not None


def test_a_new_challenger_takes_the_place_of_the_one_in_the_shadow(world: World) -> None:
    world.live(60)
    retrain(world)
    retrain(world)
    assert the_trial(world).hidden == 3
    ended = [event for event in list_events(world.store, MODEL) if event.version == 2][-1]
    assert (ended.what, ended.why) == ("kept", "the trial has ended: version 3 takes its place")


def test_a_trial_that_another_process_has_ended_is_not_put_back(world: World) -> None:
    world.live(60)
    retrain(world)
    trial = the_trial(world)
    assert end_trial(world.store, trial)
    assert not end_trial(world.store, trial)
    assert advance(world.parts, world.subject) is None
