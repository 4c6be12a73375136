"""The page of settings at ``/ui/settings``."""

from __future__ import annotations

from flask import Response

from ml_monitor.pages import frame
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.settings_reader import SettingsPage, read_settings_page, settings_verdict

ADDRESS = "/ui/settings"
blueprint = frame.PageBlueprint("settings", __name__, label="Settings", address=ADDRESS, is_ranged=False)


@blueprint.get(ADDRESS)
def settings() -> Response:
    """Show every setting in force, its source, and of secrets only whether they are set."""
    found = read_settings_page(frame.settings(), frame.now())
    return frame.respond(
        "settings.html", found, settings_verdict(found), tables={"settings": lambda: _settings_csv(found)}
    )


def _settings_csv(page: SettingsPage) -> str:
    rows = ((line.key, line.value, line.source, line.where, line.variable) for line in page.settings)
    return table_csv(("key", "value", "source", "where", "variable"), rows)
