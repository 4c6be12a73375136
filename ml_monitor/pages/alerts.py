"""The page of alerts at ``/ui/alerts``, one for each alert below it, and the forms by which people answer one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Response, request

from ml_core.clock import parse_time
from ml_core.errors import Conflict, FieldError, InvalidInput
from ml_core.web.forms import check_form
from ml_monitor.alerting.responding import acknowledge_alert, lift_alert_silence, silence_alert
from ml_monitor.pages import forms, frame
from ml_monitor.pages.alerts_reader import (
    STATE_FILTERS,
    AlertPage,
    AlertsPage,
    alert_verdict,
    alerts_verdict,
    read_alert_page,
    read_alerts_page,
)
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.results.results_queries import CHECK_COMMAND

ADDRESS = "/ui/alerts"
SILENCES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
"""For how long an alert is usually silenced."""
_DONE = {
    "acknowledged": "You have taken it up: it is not repeated until it has resolved.",
    "silenced": "Nothing is told of it until the silence ends.",
    "lifted": "The silence is lifted.",
}
_NOTE_CHARACTERS = 2000
blueprint = frame.PageBlueprint("alerts", __name__, label="Alerts", address=ADDRESS, is_ranged=False)


@blueprint.get(ADDRESS)
def alerts() -> Response:
    """Show alerts, by default those that are open; ``?state=`` and ``?model=`` choose others."""
    state = frame.choose("state", STATE_FILTERS)
    found = read_alerts_page(frame.store(), state, request.args.get("model", ""), frame.now())
    return frame.respond(
        "alerts.html",
        found,
        alerts_verdict(found),
        tables={"alerts": lambda: _alerts_csv(found)},
        html=lambda: {"check_command": CHECK_COMMAND},
    )


@blueprint.get(f"{ADDRESS}/<alert_id>")
def alert(alert_id: str) -> Response:
    """Show one alert, its chunks and its life, with the forms to answer it."""
    return _show(alert_id)


@blueprint.post(f"{ADDRESS}/<alert_id>/acknowledgements")
def acknowledge(alert_id: str) -> Response:
    """Take up a firing alert."""

    def answer() -> None:
        author = forms.text_field("author", is_required=True)
        note = forms.text_field("note", most=_NOTE_CHARACTERS)
        acknowledge_alert(frame.store(), alert_id, author=author, note=note, now=frame.now())

    return _answer(alert_id, "acknowledged", answer)


@blueprint.post(f"{ADDRESS}/<alert_id>/silences")
def silence(alert_id: str) -> Response:
    """Have nothing told of an alert for a while: a usual one, or until a given time."""

    def answer() -> None:
        author = forms.text_field("author", is_required=True)
        note = forms.text_field("note", most=_NOTE_CHARACTERS)
        until = _until()
        silence_alert(frame.store(), alert_id, author=author, note=note, until_time=until, now=frame.now())

    return _answer(alert_id, "silenced", answer)


@blueprint.post(f"{ADDRESS}/<alert_id>/silences/lift")
def lift_silence(alert_id: str) -> Response:
    """Lift the silence of an alert."""
    return _answer(alert_id, "lifted", lambda: lift_alert_silence(frame.store(), alert_id, now=frame.now()))


def _answer(alert_id: str, what: str, answer: Callable[[], object]) -> Response:
    check_form()
    try:
        answer()
    except (InvalidInput, Conflict) as error:
        return _show(alert_id, trouble=error.message, form=what, status=error.status)
    return forms.done(f"{ADDRESS}/{alert_id}", what)


def _show(alert_id: str, *, trouble: str = "", form: str = "", status: int = 200) -> Response:
    found = read_alert_page(frame.store(), alert_id, frame.now())
    response = frame.respond(
        "alert.html",
        found,
        alert_verdict(found),
        name=found.alert.alert_id,
        tables={"history": lambda: _history_csv(found)},
        html=lambda: {
            "silences": list(SILENCES),
            "done": _DONE.get(forms.what_was_done(), ""),
            "form_trouble": trouble,
            "troubled_form": form,
            "given": request.form,
        },
    )
    response.status_code = status
    return response


def _until() -> datetime:
    """Return when a silence is to end; a browser's time picker gives no offset, and the form says that it is UTC."""
    given, span = forms.text_field("until_time"), forms.text_field("span")
    if given:
        try:
            return parse_time(f"{given}Z")
        except ValueError as error:
            raise InvalidInput(f"until_time: {error}", [FieldError("until_time", str(error))]) from None
    if span not in SILENCES:
        message = f"expected one of {', '.join(SILENCES)}, or a time"
        raise InvalidInput(f"span: {message}", [FieldError("span", message)])
    return frame.now() + SILENCES[span]


def _alerts_csv(page: AlertsPage) -> str:
    header = ("alert_id", "model", "cause", "subject", "segment", "rule", "severity", "state", "since", "value")
    rows = (
        (
            *(row.alert_id, row.model, row.cause, row.subject, row.segment, row.rule, row.severity, row.state),
            *(row.since_time, row.value, row.bound, row.undefined, row.author, row.note, row.until_time),
        )
        for row in page.alerts
    )
    return table_csv((*header, "bound", "undefined", "author", "note", "silenced_until"), rows)


def _history_csv(page: AlertPage) -> str:
    rows = ((line.time, line.event, line.author, line.note) for line in page.history)
    return table_csv(("time", "event", "author", "note"), rows)
