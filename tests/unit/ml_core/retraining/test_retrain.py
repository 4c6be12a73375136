"""A request is claimed once, its challenger compared on what neither version was trained on, and all of it recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.clock import format_time, parse_time
from ml_core.config import project_root
from ml_core.errors import Conflict, InvalidInput, SuiteError
from ml_core.records import ModelVersion
from ml_core.retraining.comparing import FEWEST_HELD_OUT, held_out_start
from ml_core.retraining.history import list_events
from ml_core.retraining.owner import Owner
from ml_core.retraining.requests import claim, file_by_hand, file_for_alert, read_request
from ml_core.retraining.retrain import retrain, serve_request
from ml_core.retraining.trials import read_trial
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from ml_models.retraining import SuiteModel
from ml_models.trainers.housing_price import HousingPrice
from tests.retraining_world import HOUR, MODEL, World, dearer


def ask(world: World) -> None:
    file_by_hand(world.store, MODEL, author="ada", now=world.clock.now())


def done(world: World) -> tuple[str | None, str]:
    request = read_request(world.store, MODEL)
    assert request is not None and request.state == "done"
    return request.outcome, request.message


def history(store: Store) -> list[str]:
    """Return what happened after the first version was trained and promoted."""
    first, *later = list_events(store, MODEL)
    assert (first.what, first.version) == ("promoted", 1)
    return [event.what for event in later]


def challenger(world: World) -> ModelVersion:
    return world.store.list_versions(MODEL)[-1]


def test_a_challenger_that_is_clearly_better_is_promoted_at_once_and_watched(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    line = serve_request(world.parts, world.subject)
    assert done(world)[0] == "promoted"
    assert line is not None and line.startswith("promoted: version 2 loses")
    assert world.model.champion == 2
    trial = read_trial(world.store, MODEL)
    assert trial is not None and (trial.kind, trial.served, trial.hidden) == ("watch", 2, 1)
    assert history(world.store) == ["claimed", "trained", "promoted"]
    promoted = list_events(world.store, MODEL)[-1]
    assert promoted.version == 2
    assert promoted.figures["rival_loss"] < promoted.figures["loss"] / 2


class Clumsy(SuiteModel):
    """Trains on prices that are twice as high as they were."""

    def _table(self, rows):  # type: ignore[no-untyped-def]
        table = super()._table(rows)
        return table.assign(Price=2 * table["Price"])


def test_a_challenger_that_loses_is_kept_out_and_the_record_says_why(world: World) -> None:
    world.live(100)
    ask(world)
    serve_request(world.parts, Clumsy(world.parts, HousingPrice()))
    outcome, message = done(world)
    assert (outcome, world.model.champion) == ("kept", 1)
    assert "version 2 loses" in message and "20 decides" in message
    assert history(world.store) == ["claimed", "trained", "kept"]
    assert read_trial(world.store, MODEL) is None


def test_a_challenger_that_is_much_like_the_champion_goes_to_the_shadow(world: World) -> None:
    world.live(100)
    ask(world)
    serve_request(world.parts, world.subject)
    assert (done(world)[0], world.model.champion) == ("shadow", 1)
    trial = read_trial(world.store, MODEL)
    assert trial is not None and (trial.kind, trial.served, trial.hidden) == ("shadow", 1, 2)


def test_where_too_little_is_known_since_the_champion_was_trained_the_shadow_decides(world: World) -> None:
    world.live(100)
    again = world.parts.registry.add_version(
        world.model,
        SuiteModel(world.parts, HousingPrice())._fit(_any_table()),
        "skops",
        metrics={},
        features=HousingPrice().specs,
        parameters={},
        lineage={},
        reference=_any_table(),
    )
    world.parts.registry.promote(world.model, again.number)
    ask(world)
    serve_request(world.parts, world.subject)
    outcome, message = done(world)
    assert outcome == "shadow"
    assert f"fewer than {FEWEST_HELD_OUT} outcomes are known that version 2 was not trained on" in message


def _any_table():  # type: ignore[no-untyped-def]
    from ml_models.generators.housing import generate_housing

    return generate_housing(50, seed=9)[[*HousingPrice.features, "Price"]]


def test_the_held_out_chunk_is_newer_than_all_that_either_version_was_trained_on(world: World) -> None:
    world.live(100, price=dearer)
    now = world.clock.now()
    times = world.subject.labelled_times(now - timedelta(days=90), now, now)
    champion = world.parts.registry.version(world.model, 1)
    start = held_out_start(times, champion)
    assert start is not None and start >= champion.created_time
    assert len([time for time in times if time >= start]) == 99
    ask(world)
    serve_request(world.parts, world.subject)
    assert parse_time(challenger(world).lineage["trained_until_time"]) == start


def test_nothing_that_became_known_later_changes_a_challenger_or_what_it_is_compared_by(world: World) -> None:
    world.live(100, price=dearer)
    as_of = world.clock.now()
    until = as_of - 20 * HOUR
    before = world.subject.train(until, as_of)
    lost = world.subject.losses(before, until, as_of, as_of)
    world.live(40, price=lambda price: 9 * price)
    after = world.subject.train(until, as_of)
    assert after.metrics == before.metrics
    assert after.lineage["data_sha256"] == before.lineage["data_sha256"]
    assert world.subject.losses(after, until, as_of, as_of).equals(lost)
    assert world.subject.losses(after, until, world.clock.now(), as_of).equals(lost)


def test_too_few_outcomes_end_the_request_as_failed_with_the_reason(world: World) -> None:
    world.live(5)
    ask(world)
    with pytest.raises(InvalidInput, match="expected at least 50 predictions whose truth is known, not 17"):
        serve_request(world.parts, world.subject)
    assert done(world)[0] == "failed"
    assert history(world.store) == ["claimed", "failed"]


def test_of_two_retrains_at_once_one_gets_the_claim(world: World) -> None:
    ask(world)
    request = read_request(world.store, MODEL)
    assert request is not None
    lease = timedelta(minutes=45)
    claims = [claim(world.store, request, holder=who, now=world.clock.now(), lease=lease) for who in ("a", "b")]
    assert [claimed is not None for claimed in claims] == [True, False]
    assert serve_request(world.parts, world.subject) is None


def test_a_retrain_that_died_gives_its_claim_back_when_the_lease_ends(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    request = read_request(world.store, MODEL)
    assert request is not None
    dead = claim(world.store, request, holder="gone:1", now=world.clock.now(), lease=timedelta(minutes=45))
    world.clock.advance(timedelta(minutes=44))
    assert serve_request(world.parts, world.subject) is None
    world.clock.advance(timedelta(minutes=1))
    assert serve_request(world.parts, world.subject) is not None
    assert done(world)[0] == "promoted"
    assert "gone:1 had it before and ended without a word" in list_events(world.store, MODEL)[1].why
    assert dead is not None and world.model.champion == 2


class Overtaken(SuiteModel):
    """At the moment at which it trains or compares, another process does something."""

    def __init__(self, world: World, method: str, meanwhile):  # type: ignore[no-untyped-def]
        super().__init__(world.parts, HousingPrice())
        self.method, self.meanwhile = method, meanwhile

    def train(self, until, as_of):  # type: ignore[no-untyped-def]
        version = super().train(until, as_of)
        if self.method == "train":
            self.meanwhile()
        return version

    def losses(self, *arguments):  # type: ignore[no-untyped-def]
        found = super().losses(*arguments)
        if self.method == "losses":
            self.meanwhile()
        return found


def test_a_challenger_is_not_promoted_over_a_champion_that_it_was_not_compared_with(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    other = world.subject.train(world.clock.now(), world.clock.now())
    meanwhile = Overtaken(world, "losses", lambda: world.parts.registry.promote(world.model, other.number))
    serve_request(world.parts, meanwhile)
    outcome, message = done(world)
    assert (outcome, world.model.champion) == ("kept", 2)
    assert message.startswith("the champion was changed meanwhile, so version 3 is not promoted")


def test_a_champion_that_came_while_the_challenger_was_trained_is_the_one_it_meets(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    other = world.subject.train(world.clock.now(), world.clock.now())
    meanwhile = Overtaken(world, "train", lambda: world.parts.registry.promote(world.model, other.number))
    serve_request(world.parts, meanwhile)
    trial = read_trial(world.store, MODEL)
    assert trial is not None and (trial.kind, trial.served, trial.hidden) == ("shadow", 2, 3)
    assert trial.start_time == world.clock.now()  # it has seen all that is known until now


def test_a_retrain_whose_claim_was_taken_over_promotes_nothing(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)

    def take_over() -> None:
        request = read_request(world.store, MODEL)
        assert request is not None
        claim(world.store, request, holder="other:2", now=world.clock.now(), lease=timedelta(minutes=45))

    with pytest.raises(Conflict, match="the claim was lost"):
        serve_request(world.parts, Overtaken(world, "train", take_over))
    request = read_request(world.store, MODEL)
    assert request is not None and (request.state, request.claimed_by) == ("claimed", "other:2")
    assert world.model.champion == 1


def test_a_rule_waits_until_the_model_has_cooled_down_and_a_person_does_not(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    serve_request(world.parts, world.subject)
    world.clock.advance(HOUR)
    now = world.clock.now()
    assert file_for_alert(world.store, MODEL, rule="rmse", alert_id="a1", fired_time=now, now=now)
    world.clock.advance(timedelta(hours=22))
    assert serve_request(world.parts, world.subject) is None
    world.clock.advance(timedelta(hours=1))
    assert serve_request(world.parts, world.subject) is not None
    ask(world)
    assert serve_request(world.parts, world.subject) is not None


def test_one_model_that_fails_does_not_stop_the_others(world: World) -> None:
    world.live(100, price=dearer)
    ask(world)
    file_by_hand(world.store, "payment_fraud", author="ada", now=world.clock.now())
    from ml_models.retraining import owner

    both = owner(world.parts)
    with pytest.raises(SuiteError, match=r"payment_fraud: expected at least 50 .*housing_price: promoted"):
        retrain(Owner(both.job, both.parts, tuple(reversed(both.subjects))))
    assert world.model.champion == 2
    assert retrain(both).startswith("housing_price: watch goes on")


@pytest.mark.parametrize(
    ("moment", "version", "happened"),
    [
        ("before add_version", 2, ["claimed", "claimed", "trained", "promoted"]),
        ("after change_stage", 2, ["claimed", "trained", "claimed", "promoted"]),
    ],
)
def test_a_retrain_that_is_killed_is_made_good_after_its_lease_by_the_next(
    moment: str, version: int, happened: list[str], settings: Settings, tmp_path: Path
) -> None:
    with closing(JsonStore(tmp_path / "store")) as store:
        world = World(settings, store, tmp_path)
        world.live(100, price=dearer)
        ask(world)
        environment = {
            **os.environ,
            "ML_STORE_URL": settings.store_url.get_secret_value(),
            "ML_ARTIFACTS_FOLDER": settings.artifacts_folder,
        }
        command = [sys.executable, "-m", "tests.unit.ml_core.retraining.dying_retrain"]
        ended = subprocess.run(
            [*command, format_time(world.clock.now()), *moment.split()],
            env=environment,
            cwd=project_root(),
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL
        request = read_request(store, MODEL)
        assert request is not None and request.state == "claimed"
        assert serve_request(world.parts, world.subject) is None
        world.clock.advance(timedelta(minutes=45))
        assert (serve_request(world.parts, world.subject) or "").startswith("promoted: version 2")
        assert done(world)[0] == "promoted"
        assert world.model.champion == version
        trial = read_trial(store, MODEL)
        assert trial is not None and (trial.kind, trial.served, trial.hidden) == ("watch", 2, 1)
        assert history(store) == happened
