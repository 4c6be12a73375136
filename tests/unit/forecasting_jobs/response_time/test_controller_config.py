"""The controller's file: the first system's keys, the secret from the environment, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from forecasting_jobs.response_time.controller_config import read_controller_config
from forecasting_jobs.response_time.metrics import ART, METRIC_PATHS
from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import ResponseTimeSettings

URL = "https://monitor.example/controller/api/oauth/access_token"
CREDS = {"client_id": "a@b", "client_secret": "in-the-file", "geturl": URL}


def written(folder: Path, content: Any, **more: Any) -> ResponseTimeSettings:
    path = folder / "appdynamics-config.yml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return ResponseTimeSettings(config_file=str(path), **more)


def test_the_first_systems_file_is_read_and_its_database_left_alone(tmp_path: Path) -> None:
    db = {"host": "h", "user": "u", "password": "p", "database": "d"}
    config = read_controller_config(written(tmp_path, {"db": db, "client_creds": CREDS}))
    assert (config.url, config.client_id, config.client_secret) == ("https://monitor.example", "a@b", "in-the-file")
    assert config.token_url == URL
    assert config.verify is True
    assert "in-the-file" not in repr(config)


def test_the_secret_of_the_environment_goes_first(tmp_path: Path) -> None:
    settings = written(tmp_path, {"client_creds": CREDS}, client_secret=SecretStr("of the environment"))
    assert read_controller_config(settings).client_secret == "of the environment"


def test_the_file_that_comes_with_the_suite_names_the_made_up_controller() -> None:
    assert read_controller_config(ResponseTimeSettings()).url == "http://127.0.0.1:8090"
    assert read_controller_config(ResponseTimeSettings(simulator_port=18090)).url == "http://127.0.0.1:18090"


def test_a_controller_that_the_file_names_stays_where_it_is(tmp_path: Path) -> None:
    settings = written(tmp_path, {"client_creds": CREDS}, simulator_port=18090)
    assert read_controller_config(settings).url == "https://monitor.example"


def test_the_file_that_comes_with_the_suite_tells_where_all_metrics_are(tmp_path: Path) -> None:
    content = yaml.safe_load(resolve_path(ResponseTimeSettings().config_file).read_text())
    assert content["metric_paths"] == METRIC_PATHS
    assert read_controller_config(written(tmp_path, {"client_creds": CREDS})).metric_paths == METRIC_PATHS


def test_a_path_of_ones_own_goes_before_the_usual_one(tmp_path: Path) -> None:
    paths = {ART: "Service Endpoints|{server}|Average Response Time (ms)"}
    config = read_controller_config(written(tmp_path, {"client_creds": CREDS, "metric_paths": paths}))
    assert config.metric_paths == {**METRIC_PATHS, **paths}


def test_certificates_to_trust_may_be_named_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    good = written(tmp_path, {"client_creds": CREDS}, ca_file=str(tmp_path / "ca.pem"))
    assert read_controller_config(good).verify == str(tmp_path / "ca.pem")
    with pytest.raises(ConfigurationError, match=r"response_time\.ca_file"):
        read_controller_config(written(tmp_path, {"client_creds": CREDS}, ca_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ([], "client_creds: expected the keys"),
        ({"client_creds": CREDS, "token": "x"}, "there is no key token"),
        ({"client_creds": CREDS | {"secret": "x"}}, r"there is no key client_creds\.secret"),
        ({"client_creds": CREDS, "metric_paths": []}, "metric_paths: expected a path for each metric"),
        ({"client_creds": CREDS, "metric_paths": {"speed": "a"}}, r"there is no metric metric_paths\.speed"),
        ({"client_creds": CREDS, "metric_paths": {ART: "a|b"}}, rf"metric_paths\.{ART}: expected levels"),
        ({"client_creds": CREDS, "metric_paths": {ART: None}}, rf"metric_paths\.{ART}: expected levels"),
        ({"client_creds": CREDS | {"client_id": None}}, r"client_creds\.client_id"),
        ({"client_creds": CREDS | {"client_secret": None}}, "ML_RESPONSE_TIME__CLIENT_SECRET"),
        ({"client_creds": CREDS | {"geturl": "ftp://x"}}, r"client_creds\.geturl: expected https"),
        ({"client_creds": CREDS | {"geturl": "https://x/other"}}, r"client_creds\.geturl: expected https"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_controller_config(written(tmp_path, content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_controller_config(ResponseTimeSettings(config_file=str(tmp_path / "none.yml")))
