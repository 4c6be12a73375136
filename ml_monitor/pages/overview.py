"""The overview at ``/``: what is wrong now, in one look."""

from __future__ import annotations

from flask import Response

from ml_monitor.pages import frame
from ml_monitor.pages.csv_pages import models_csv
from ml_monitor.pages.examples import registration_command
from ml_monitor.pages.jobs_reader import known_jobs
from ml_monitor.pages.overview_reader import read_overview
from ml_monitor.pages.sparklines import trend_svg
from ml_monitor.pages.stories import change_words, plain_text
from ml_monitor.pages.verdicts import overview_verdict
from ml_monitor.results.results_queries import CHECK_COMMAND

blueprint = frame.PageBlueprint("overview", __name__, label="Overview", address="/", is_ranged=False)


@blueprint.get("/")
def overview() -> Response:
    """Show all models, worst first."""
    frame.read_view()
    settings = frame.settings()
    found = read_overview(
        frame.registry(),
        frame.alert_lines(),
        known_jobs(settings)[0],
        frame.now(),
        settings.monitor.stale_after_hours,
    )
    sentences = overview_verdict(found)
    return frame.respond(
        "overview.html",
        found,
        " ".join(map(plain_text, sentences)),
        name="models",
        tables={"models": lambda: models_csv(found.models)},
        html=lambda: {
            "sentences": sentences,
            "registration": registration_command(settings),
            "check_command": CHECK_COMMAND,
            "trend_svg": trend_svg,
            "change_words": change_words,
        },
    )
