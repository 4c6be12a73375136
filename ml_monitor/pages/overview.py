"""The overview at ``/``: what is wrong now, in one look."""

from __future__ import annotations

from flask import Response

from ml_monitor.pages import frame
from ml_monitor.pages.examples import registration_command
from ml_monitor.pages.queries import read_overview
from ml_monitor.pages.verdicts import overview_verdict

blueprint = frame.PageBlueprint("overview", __name__, label="Overview", address="/", is_ranged=False)


@blueprint.get("/")
def overview() -> Response:
    """Show all models, worst first."""
    frame.wanted_form()
    settings = frame.settings()
    found = read_overview(frame.registry(), frame.now(), settings.monitor.stale_after_hours)
    return frame.respond(
        "overview.html",
        found,
        overview_verdict(found),
        html=lambda: {"registration": registration_command(settings)},
    )
