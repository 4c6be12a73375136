"""A promotion that is taken back alerts by default, until a later promotion has turned out well."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ml_core.retraining.advance import ROLLED_BACK, advance, begin_trial
from ml_core.retraining.requests import file_by_hand
from ml_core.retraining.retrain import serve_request
from ml_core.retraining.trials import read_trial
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import list_alerts
from ml_monitor.alerting.rules import list_rules
from ml_monitor.app import create_app
from ml_monitor.check import check_models
from tests.pages import text_of
from tests.retraining_world import MODEL, World, dearer

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(settings: Settings, json_store: JsonStore, tmp_path: Path) -> World:
    return World(settings, json_store, tmp_path)


def checked(world: World) -> list[tuple[str, str, str]]:
    """Return rule, severity and status of each alert about promotions, as a check finds them."""
    world.clock.advance(MINUTE)
    check_models(world.parts.registry, world.parts.settings, [world.model], list_rules(world.store))
    found = [alert for alert in list_alerts(world.store) if alert.state.key.subject == ROLLED_BACK]
    return [(alert.rule, alert.severity, alert.state.status) for alert in found]


def client_of(world: World) -> FlaskClient:
    return create_app(world.parts.settings, world.store, world.clock).test_client()


def roll_a_promotion_back(world: World) -> None:
    world.live(100, price=dearer)
    file_by_hand(world.store, MODEL, author="ada", now=world.clock.now())
    serve_request(world.parts, world.subject)
    assert world.model.champion == 2
    for _ in range(12):
        world.live(4, rows=6)
        advance(world.parts, world.subject)
        if world.model.champion == 1:
            return
    raise AssertionError("the promotion was not taken back")


def test_a_rollback_is_told_on_pages_and_in_metrics_until_a_promotion_has_stood(world: World) -> None:
    assert checked(world) == []
    roll_a_promotion_back(world)
    assert checked(world) == [("default-rolled-back", "warning", "firing")]
    client = client_of(world)
    assert ROLLED_BACK in text_of(client.get("/ui/alerts"))
    (line,) = [each for each in client.get("/metrics").text.splitlines() if f'subject="{ROLLED_BACK}"' in each]
    assert line.startswith("ml_alert_state{") and 'state="firing"' in line and line.endswith(" 1.0")
    assert checked(world)[0][2] == "firing"
    begin_trial(world.parts, MODEL, "watch", served=1, hidden=2)
    world.clock.advance(timedelta(days=world.parts.settings.retraining.watch_days))
    assert (advance(world.parts, world.subject) or "").startswith("confirmed")
    assert read_trial(world.store, MODEL) is None
    assert checked(world) == [("default-rolled-back", "warning", "resolved")]
    assert ROLLED_BACK not in client_of(world).get("/metrics").text
