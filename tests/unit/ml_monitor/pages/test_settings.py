from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ml_core.config import load_settings
from ml_monitor.pages.settings_reader import read_settings_page, settings_verdict
from tests.factories import NOON
from tests.pages import text_of

ENVIRONMENT = {
    "ML_STORE_URL": "mysql+pymysql://suite:s3cret@db/ml",
    "ML_AUTH__READ_TOKENS": "first-token,second-token",
    "ML_MONITOR__PORT": "5051",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a file of settings and a file with a secret."""
    (tmp_path / "settings.yaml").write_text("log_level: WARNING\nmonitor:\n  port: 5050\n  workers: 3\n")
    (tmp_path / "password").write_text("hunter2\n")
    files = {"ML_CONFIG": str(tmp_path / "settings.yaml"), "ML_MAIL__PASSWORD_FILE": str(tmp_path / "password")}
    return {**ENVIRONMENT, **files}


def test_every_setting_is_shown_with_its_source(environment: dict[str, str]) -> None:
    page = read_settings_page(load_settings(environment), NOON, environment)
    lines = {line.key: line for line in page.settings}
    shown = {key: (lines[key].value, lines[key].source) for key in ("log_level", "monitor.workers", "monitor.port")}
    assert shown == {
        "log_level": ("WARNING", "file"),
        "monitor.workers": ("3", "file"),
        "monitor.port": ("5051", "environment"),
    }
    assert lines["models.port"].source == "default"
    assert lines["mail.password"].source == "secret file"
    assert page.trouble == ""
    assert settings_verdict(page).endswith(
        f"settings have been set: 2 in {environment['ML_CONFIG']} and 4 by the environment."
    )


def test_no_secret_is_in_any_form_of_the_page(
    environment: dict[str, str], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = read_settings_page(load_settings(environment), NOON, environment)
    for secret in ("s3cret", "first-token", "second-token", "hunter2"):
        assert secret not in repr(page)
    lines = {line.key: line for line in page.settings}
    assert lines["store_url"].value == "mysql+pymysql://suite:hidden@db/ml"
    assert (lines["auth.read_tokens"].value, lines["auth.read_tokens"].is_secret) == ("2 hidden", True)
    assert (lines["mail.password"].value, lines["webhook.secret"].value) == ("hidden", "")


def test_a_change_since_the_start_is_told(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    Path(environment["ML_CONFIG"]).write_text("log_level: ERROR\n")
    assert "restart the apps" in read_settings_page(settings, NOON, environment).trouble
    Path(environment["ML_CONFIG"]).write_text("nonsense: 1\n")
    page = read_settings_page(settings, NOON, environment)
    assert "could not be loaded any more" in settings_verdict(page)
    assert "there is no setting nonsense" in page.trouble


def test_the_page_holds_every_key_and_csv_does_too(client: FlaskClient) -> None:
    shown = text_of(client.get("/ui/settings"))
    for key in ("store_url", "retention.predictions_days", "mail.password", "auth.session_hours"):
        assert key in shown
    assert client.get("/ui/settings?format=csv").text.startswith("key,value,source,where,variable\n")
    assert settings_verdict(read_settings_page(load_settings({}), NOON, {})).startswith("All ")
