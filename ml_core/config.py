"""Loads the settings: defaults, then the YAML file that ``ML_CONFIG`` names, then ``ML_*`` of the environment.

``ML_STORE_URL`` sets ``store_url``, ``ML_MONITOR__PORT`` sets ``port`` of ``monitor``. Lists are JSON or separated by
commas. Any variable may end in ``_FILE`` instead and name a file that holds the value, for secrets. A key that does
not exist stops the start with its name; no message repeats a value, which might be a secret.
"""

from __future__ import annotations

import json
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ml_core.errors import ConfigurationError
from ml_core.problems import said_of
from ml_core.settings import Settings

_PREFIX = "ML_"
_OWN_VARIABLES = {"ML_CONFIG"}  # read here, not a setting itself


def project_root() -> Path:
    """Return the folder that holds the packages, to which relative paths in settings refer."""
    return Path(__file__).resolve().parent.parent


def resolve_path(path: str) -> Path:
    """Return an absolute path: relative ones start at the project's root, never at the current folder."""
    return project_root() / path


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force; raise ``ConfigurationError`` that names the key and its source."""
    return load_with_sources(environ)[0]


def load_with_sources(environ: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force, and where each that is not a default was set; raise ``ConfigurationError``.

    A source is the name of a variable, or of the file with the key in it: ``deploy/settings.yaml: monitor.port``.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if environ.get("ML_CONFIG"):
        values = _read_yaml(resolve_path(environ["ML_CONFIG"]))
    sources = {key: f"{environ.get('ML_CONFIG')}: {key}" for key in _paths(values)}
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in _OWN_VARIABLES:
            path, text = _read_variable(variable, environ[variable])
            _place(values, path, text, variable)
            sources[".".join(path)] = variable
    try:
        return Settings.model_validate(values), sources
    except ValidationError as error:
        raise ConfigurationError(_explain(error, sources)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"ML_CONFIG: cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date that does not exist
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"ML_CONFIG: {path} is not YAML{where}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"ML_CONFIG: {path} must hold keys and values at its top")
    sections = {str(key): _with_text_keys(value) for key, value in content.items()}
    # A section whose every line is a comment is read as None.
    return {key: {} if value is None and _is_section(key) else value for key, value in sections.items()}


def _with_text_keys(value: Any) -> Any:
    return {str(key): _with_text_keys(item) for key, item in value.items()} if isinstance(value, dict) else value


def _is_section(key: str) -> bool:
    kind = _field_type([key])
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _read_variable(variable: str, text: str) -> tuple[list[str], str]:
    path = variable.removeprefix(_PREFIX).lower().split("__")
    if _field_type(path) is not None or not variable.endswith("_FILE"):
        return path, text
    try:
        secret = resolve_path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{variable}: cannot read the file that it names") from None
    return variable.removeprefix(_PREFIX).removesuffix("_FILE").lower().split("__"), secret


def _place(values: dict[str, Any], path: list[str], text: str, variable: str) -> None:
    *groups, last = path
    for group in groups:
        values = values.setdefault(group, {})
        if not isinstance(values, dict):
            raise ConfigurationError(f"{variable}: {'.'.join(groups)} has a value of its own, so it holds no {last}")
    values[last] = _split(text, variable) if _is_tuple(_field_type(path)) else text


def _split(text: str, variable: str) -> list[Any]:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        parts = json.loads(text)
    except ValueError:
        raise ConfigurationError(f"{variable}: expected a JSON list or values separated by commas") from None
    return list(parts)


def _field_type(path: list[str]) -> Any:
    kind: Any = Settings
    for name in path:
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or name not in kind.model_fields:
            return None
        kind = kind.model_fields[name].annotation
    return kind


def _is_tuple(kind: Any) -> bool:
    return typing.get_origin(kind) in (tuple, list, types.GenericAlias)


def _paths(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, Mapping):
            found += _paths(value, f"{prefix}{key}.")
    return found


def _explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    messages = []
    for problem in error.errors(include_url=False, include_input=False):
        names = [str(part) for part in problem["loc"] if not isinstance(part, int)]
        key = ".".join(names)
        source = sources.get(key) or next((sources[path] for path in sources if path.startswith(f"{key}.")), key)
        if problem["type"] == "extra_forbidden":
            messages.append(f"{source}: there is no setting {key}")
        else:
            messages.append(f"{source}: {said_of(problem)} (setting {key})")
    return "; ".join(messages)
