"""What the page of settings shows: every setting in force and where it was set; of a secret only whether it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import SecretStr

from ml_core.config import load_with_sources
from ml_core.errors import ConfigurationError
from ml_core.settings import Section, Settings
from ml_monitor.formatting import show_duration
from ml_monitor.pages.store_reader import without_password

Source = Literal["default", "file", "environment", "secret file"]


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting: its key, the variable that sets it, its value as it may be shown, and where it was set.

    ``where`` names the variable, or the file and the key in it; it is empty for a default.
    """

    key: str
    variable: str
    value: str
    is_secret: bool
    source: Source
    where: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings in force, by their sections. ``trouble`` says that those on disk differ from these."""

    time: datetime
    file: str
    settings: tuple[SettingLine, ...]
    trouble: str = ""

    @property
    def sections(self) -> dict[str, list[SettingLine]]:
        """The settings by section; those of none stand under ``general``."""
        found: dict[str, list[SettingLine]] = {}
        for line in self.settings:
            section, dot, _ = line.key.partition(".")
            found.setdefault(section if dot else "general", []).append(line)
        return found


def read_settings_page(settings: Settings, now: datetime, environ: Mapping[str, str] | None = None) -> SettingsPage:
    """Return the settings that the app was started with, with their sources as they can be read now."""
    environ = os.environ if environ is None else environ
    sources, trouble = dict[str, str](), ""
    try:
        newer, sources = load_with_sources(environ)
    except ConfigurationError as error:
        trouble = f"The settings were changed since the start and could not be loaded any more: {error.message}."
    else:
        if newer != settings:
            trouble = "The settings were changed since the start: restart the apps to have the new ones in force."
    lines = tuple(_line(key, value, sources) for key, value in _leaves(settings))
    return SettingsPage(now, environ.get("ML_CONFIG", ""), lines, trouble)


def settings_verdict(page: SettingsPage) -> str:
    """Return how many settings are not defaults, and where they were set, in one sentence."""
    if page.trouble:
        return page.trouble
    changed = [line for line in page.settings if line.source != "default"]
    if not changed:
        return f"All {len(page.settings)} settings have their defaults."
    in_file = sum(line.source == "file" for line in changed)
    parts = [f"{in_file} in {page.file}"] if in_file else []
    if len(changed) > in_file:
        parts.append(f"{len(changed) - in_file} by the environment")
    have = "has" if len(changed) == 1 else "have"
    return f"{len(changed)} of {len(page.settings)} settings {have} been set: {' and '.join(parts)}."


def _leaves(section: Section, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _line(key: str, value: Any, sources: Mapping[str, str]) -> SettingLine:
    variable = f"ML_{key.upper().replace('.', '__')}"
    where = sources.get(key, "")
    source: Source = "default"
    if where == f"{variable}_FILE":
        source = "secret file"
    elif where == variable:
        source = "environment"
    elif where:
        source = "file"
    shown, is_secret = _shown(key, value)
    return SettingLine(key, variable, shown, is_secret, source, where)


def _shown(key: str, value: Any) -> tuple[str, bool]:
    if isinstance(value, SecretStr):
        # The address of a store is worth knowing, and all of it but the password may be known.
        return (without_password(value.get_secret_value()), False) if key == "store_url" else ("hidden", True)
    if isinstance(value, tuple):
        if any(isinstance(each, SecretStr) for each in value):
            return f"{len(value)} hidden", True
        return ", ".join(map(str, value)), False
    if isinstance(value, timedelta):
        return show_duration(value.total_seconds()), False
    return ("" if value is None else str(value)), False
