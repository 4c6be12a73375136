"""Reads ``appdynamics-config.yml``, whose keys are those of the first system.

======================== ============================================================================================
key                      meaning here
======================== ============================================================================================
client_creds.client_id      the API client, as ``name@account``
client_creds.client_secret  its secret; better left out and set by ``ML_RESPONSE_TIME__CLIENT_SECRET`` (or ``_FILE``)
client_creds.geturl         where tokens are to be had: ``https://.../controller/api/oauth/access_token``;
                            ``{simulator_port}`` in it stands for the setting ``response_time.simulator_port``
metric_paths                where metrics are kept, by name; the others are where ``metrics.METRIC_PATHS`` says
db                          taken and not used: the setting ``store_url`` says where everything is kept
======================== ============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from forecasting_jobs.response_time.metrics import METRIC_PATHS, check_pattern
from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import ResponseTimeSettings

TOKEN_PATH = "/controller/api/oauth/access_token"
_KEYS = ("client_id", "client_secret", "geturl")


@dataclass(frozen=True, slots=True, repr=False)
class ControllerConfig:
    """Where the controller is and who we are to it. ``verify`` is True, or a file of certificates to trust."""

    url: str
    client_id: str
    client_secret: str
    verify: bool | str = True
    timeout_seconds: float = 20.0
    connections: int = 4
    metric_paths: Mapping[str, str] = field(default_factory=lambda: METRIC_PATHS)

    @property
    def token_url(self) -> str:
        """Where tokens are to be had."""
        return f"{self.url}{TOKEN_PATH}"


def read_controller_config(settings: ResponseTimeSettings) -> ControllerConfig:
    """Return what the settings and the file that they name say; raise ``ConfigurationError`` that names the key."""
    path = resolve_path(settings.config_file)
    content = _read(path)
    creds = {key: str(value) for key, value in content["client_creds"].items() if value is not None}
    secret = settings.client_secret.get_secret_value() if settings.client_secret else creds.get("client_secret", "")
    if not creds.get("client_id"):
        raise ConfigurationError(f"{path.name}: client_creds.client_id: expected the name of an API client")
    if not secret:
        raise ConfigurationError(
            f"{path.name}: client_creds.client_secret: expected a secret here or in ML_RESPONSE_TIME__CLIENT_SECRET"
        )
    verify: bool | str = True if settings.ca_file is None else str(resolve_path(settings.ca_file))
    if isinstance(verify, str) and not Path(verify).is_file():
        raise ConfigurationError(f"response_time.ca_file: there is no file {verify}")
    return ControllerConfig(
        _base(path, settings.address_of(creds.get("geturl", ""))),
        creds["client_id"],
        secret,
        verify,
        settings.timeout_seconds,
        settings.connections,
        _metric_paths(path, content.get("metric_paths")),
    )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"response_time.config_file: cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError):
        raise ConfigurationError(f"response_time.config_file: {path} is not YAML") from None
    if not isinstance(content, dict) or not isinstance(content.get("client_creds"), dict):
        raise ConfigurationError(f"{path.name}: client_creds: expected the keys {', '.join(_KEYS)}")
    for group, allowed in (("", ("db", "client_creds", "metric_paths")), ("client_creds.", _KEYS)):
        for key in content if not group else content["client_creds"]:
            if key not in allowed:
                raise ConfigurationError(f"{path.name}: there is no key {group}{key}")
    return content


def _metric_paths(path: Path, content: Any) -> Mapping[str, str]:
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"{path.name}: metric_paths: expected a path for each metric, by name")
    for metric, pattern in (content or {}).items():
        if metric not in METRIC_PATHS:
            raise ConfigurationError(f"{path.name}: there is no metric metric_paths.{metric}")
        try:
            check_pattern(str(pattern))
        except ValueError as error:
            raise ConfigurationError(f"{path.name}: metric_paths.{metric}: {error}") from None
    return {**METRIC_PATHS, **(content or {})}


def _base(path: Path, address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.endswith(TOKEN_PATH):
        raise ConfigurationError(f"{path.name}: client_creds.geturl: expected https://host{TOKEN_PATH}")
    return address.removesuffix(TOKEN_PATH)
