"""Rows and what the monitor says of them: the real app, served by a thread, and where it is away a plain receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from ml_core.clock import FixedClock
from ml_core.errors import DeliveryFailed
from ml_core.outbox.batches import Addressee
from ml_core.outbox.post_office import PostOffice, TryLater
from ml_core.registry import Registry
from ml_core.settings import AuthSettings, LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import a_model, a_version
from tests.receivers import Receiver
from tests.serving import serving

CHURN = Addressee("predictions", "churn")
WATCHED = Addressee("predictions", "churn", task="binary")


@pytest.fixture
def office(
    settings: Settings, json_store: JsonStore, clock: FixedClock, request: pytest.FixtureRequest
) -> Iterator[PostOffice]:
    changed = settings.model_copy(update=getattr(request, "param", {}))
    with serving(create_app(changed, json_store, clock)) as url:
        office = PostOffice(url, "secret", 10)
        yield office
        office.close()


def an_item(number: int, **changes: Any) -> dict[str, Any]:
    time = "2026-11-20T11:00:00Z"
    return {"prediction_id": f"order-{number}", "time": time, "features": {"age": 41}, "value": 1.0} | changes


def test_rows_are_taken_once(office: PostOffice, registry: Registry) -> None:
    registry.add_model(a_model("churn", task="binary"))
    first = office.deliver(CHURN, [an_item(1), an_item(2)])
    again = office.deliver(CHURN, [an_item(1), an_item(2), an_item(3)])
    assert (first.accepted, first.duplicates) == (2, 0)
    assert (again.accepted, again.duplicates) == (1, 2)


def test_a_row_of_another_content_is_refused_with_the_reason_and_the_rest_taken(
    office: PostOffice, registry: Registry
) -> None:
    registry.add_model(a_model("churn", task="binary"))
    office.deliver(CHURN, [an_item(1)])
    delivery = office.deliver(CHURN, [an_item(2), an_item(1, value=0.0)])
    assert delivery.accepted == 1
    ((item, reason),) = delivery.refused
    assert item["prediction_id"] == "order-1"
    assert "prediction_id: " in reason


def test_rows_that_the_monitor_names_as_wrong_do_not_take_the_others_with_them(
    office: PostOffice, registry: Registry
) -> None:
    registry.add_model(a_model("churn", task="binary"))
    rows = [an_item(number, value=None if number in (1, 3) else 1.0) for number in range(5)]
    rows[4]["time"] = "2031-01-01T00:00:00Z"
    delivery = office.deliver(CHURN, rows)
    assert delivery.accepted == 2
    assert {item["prediction_id"]: reason for item, reason in delivery.refused} == {
        "order-1": "value: expected a finite number or a label (text)",
        "order-3": "value: expected a finite number or a label (text)",
        "order-4": "time: expected a time from 1970 to a day from now",
    }


@pytest.mark.parametrize("office", [{"limits": LimitSettings(batch_rows=3)}], indirect=True)
def test_a_body_that_is_too_large_is_halved(office: PostOffice, registry: Registry) -> None:
    registry.add_model(a_model("churn", task="binary"))
    assert office.deliver(CHURN, [an_item(number) for number in range(10)]).accepted == 10


@pytest.mark.parametrize("office", [{"limits": LimitSettings(body_bytes=2048)}], indirect=True)
def test_a_single_row_that_is_too_large_is_refused(office: PostOffice, registry: Registry) -> None:
    registry.add_model(a_model("churn", task="binary"))
    delivery = office.deliver(CHURN, [an_item(1), an_item(2, features={"note": "x" * 4000}), an_item(3)])
    assert delivery.accepted == 2
    assert [item["prediction_id"] for item, _ in delivery.refused] == ["order-2"]


def test_rows_of_a_model_that_nobody_knows_are_refused(office: PostOffice) -> None:
    delivery = office.deliver(CHURN, [an_item(1)])
    assert delivery.accepted == 0
    assert "no model 'churn' is registered" in delivery.refused[0][1]


def test_a_watched_model_is_registered_when_its_first_rows_come(office: PostOffice, registry: Registry) -> None:
    assert office.deliver(WATCHED, [an_item(1)]).accepted == 1
    assert registry.find("churn").task == "binary"


def test_an_unknown_version_of_a_watched_model_is_refused_and_the_model_left_as_it_is(
    office: PostOffice, registry: Registry
) -> None:
    registry.add_model(a_model("churn", task="binary", title="Customers who leave"))
    registry.store.add_version(a_version("churn"))
    delivery = office.deliver(Addressee("predictions", "churn", version=7, task="binary"), [an_item(1)])
    assert [reason for _, reason in delivery.refused] == [
        "model 'churn' has no version 7; GET /models/churn/versions lists its versions"
    ]
    assert registry.find("churn").title == "Customers who leave"


@pytest.mark.parametrize(
    "office",
    [{"auth": AuthSettings(read_tokens=(SecretStr("secret"),), write_tokens=(SecretStr("other"),))}],
    indirect=True,
)
def test_a_token_that_may_not_write_makes_rows_wait(office: PostOffice) -> None:
    with pytest.raises(TryLater, match="answered 403: this token may read only"):
        office.deliver(CHURN, [an_item(1)])


@pytest.mark.parametrize("status", [200, 301, 401, 404, 429, 500, 503])
def test_what_is_not_the_monitor_makes_rows_wait_unless_it_refuses_them(status: int) -> None:
    with Receiver([status]) as receiver:
        office = PostOffice(receiver.url, None, 5)
        if status == 404:
            assert office.deliver(CHURN, [an_item(1)]).refused == [(an_item(1), "Not Found")]
        else:
            with pytest.raises(TryLater):
                office.deliver(CHURN, [an_item(1)])
        office.close()
        assert len(receiver.calls) == 1  # neither repeated here, nor sent on to where a redirect leads


def test_nobody_there_makes_rows_wait() -> None:
    office = PostOffice("http://127.0.0.1:9", None, 1)
    with pytest.raises(TryLater, match="cannot be reached: ConnectionError"):
        office.deliver(CHURN, [an_item(1)])
    with pytest.raises(DeliveryFailed, match="cannot be reached"):
        office.ask("POST", "/models", b"{}", "application/json")
    office.close()


def test_a_call_that_must_succeed_says_why_it_has_not(office: PostOffice) -> None:
    with pytest.raises(DeliveryFailed, match=r"/models answered 422: .*task"):
        office.ask("POST", "/models", b'{"name": "churn"}', "application/json")
