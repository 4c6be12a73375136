"""Whether an app is up, and whether it is ready."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.store.json_store import JsonStore
from tests.unit.ml_core.web.conftest import MakeApp, error_of


def fine() -> None:
    """A check that finds nothing wrong."""


def away() -> None:
    raise StoreUnavailable("the store is away; start it")


def test_an_app_that_answers_is_up_whatever_its_checks_say(make_app: MakeApp) -> None:
    response = make_app(checks={"store": away}).test_client().get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("checks", [{}, {"store": fine}, {"store": fine, "disk": fine}])
def test_an_app_is_ready_when_all_its_checks_pass(make_app: MakeApp, checks: dict[str, object]) -> None:
    response = make_app(checks=checks).test_client().get("/readyz")
    assert response.status_code == 200
    assert response.json == {"status": "ready", "checks": dict.fromkeys(checks, "ok"), "notices": []}


def test_an_app_is_not_ready_when_one_check_fails_and_says_which_and_why(make_app: MakeApp) -> None:
    response = make_app(checks={"disk": fine, "store": away}).test_client().get("/readyz")
    assert response.status_code == 503
    assert response.json == {
        "status": "not ready",
        "checks": {"disk": "ok", "store": "the store is away; start it"},
        "notices": [],
    }


def test_what_an_operator_should_know_is_told_beside_the_checks_and_makes_no_app_unready(make_app: MakeApp) -> None:
    app = make_app(checks={"store": fine}, notices=lambda: ["3 records wait in the spool"])
    response = app.test_client().get("/readyz")
    assert response.status_code == 200
    assert response.json["notices"] == ["3 records wait in the spool"]


def test_an_app_is_ready_again_once_what_it_needs_is_back(
    make_app: MakeApp, json_store: JsonStore, tmp_path: Path
) -> None:
    client = make_app(checks={"store": json_store.check}).test_client()
    assert client.get("/readyz").status_code == 200
    shutil.move(tmp_path / "store", tmp_path / "moved")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert str(tmp_path / "store") in response.json["checks"]["store"]
    shutil.move(tmp_path / "moved", tmp_path / "store")
    assert client.get("/readyz").status_code == 200


def test_a_check_that_breaks_is_an_error_of_ours(make_app: MakeApp) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    response = make_app(checks={"store": broken}).test_client().get("/readyz")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_can_be_asked_without_a_body_and_not_posted(make_app: MakeApp, path: str) -> None:
    client = make_app().test_client()
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405
