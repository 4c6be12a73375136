"""What all pages have in common: what stands around each, and the three forms in which it answers.

A page is a reader, which returns plain values; a template, which shows them; and a view of a few lines that hands the
one to the other by ``respond``. ``catalogue.py`` lists the pages.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request

from ml_core.clock import Clock
from ml_core.errors import FieldError, InvalidInput
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.web.auth import has_session, may_read, may_write
from ml_core.web.forms import form_token
from ml_monitor import formatting
from ml_monitor.pages import assets
from ml_monitor.pages.alert_lines import AlertLine, firing, read_alert_lines, show_subject
from ml_monitor.pages.views import View, form_time, parse_view

Tables = Mapping[str, Callable[[], str]]
"""What makes each table of a page as CSV, by its name."""

FILTERS = (
    *(formatting.short_id, formatting.shorten, formatting.show_age, formatting.show_duration, formatting.show_feature),
    *(formatting.show_number, formatting.show_share, formatting.show_start, formatting.show_time, show_subject),
    *(formatting.show_day, formatting.show_short, formatting.show_took, form_time),
)
_HEADINGS = {
    400: "This request cannot be read",
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "This address takes other requests",
    422: "These values do not fit",
    503: "Away for now",
}


class PageBlueprint(Blueprint):
    """The routes of one page.

    With a ``label`` it is an entry of the navigation, which leads to ``address``; without one it may be ``part_of`` the
    page of that entry. A page that ``is_ranged`` shows a range of time, which can be chosen on it.
    """

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        label: str = "",
        address: str = "",
        is_ranged: bool = True,
        part_of: str = "",
    ) -> None:
        # Blueprints of the API have the same names.
        super().__init__(f"page-{name}", import_name, template_folder="../templates")
        self.label = label
        self.address = address
        self.is_ranged = is_ranged
        self.part_of = part_of
        self.after_request(forbid_storing)


def forbid_storing(response: Response) -> Response:
    """Let no cache keep what is true only now; files under a name of their own have said otherwise."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def read_view() -> View:
    """Return how the page was asked for, for its reader and for ``respond``; raise ``InvalidInput``."""
    if "view" not in g:
        g.view = parse_view(request.path, request.args, now())
    view: View = g.view
    return view


def respond(
    template: str,
    page: Any,
    verdict: str,
    *,
    tables: Tables | None = None,
    name: str = "",
    html: Callable[[], Mapping[str, Any]] = dict,
) -> Response:
    """Answer with a page as HTML, as JSON, or with one of its tables as CSV, as ``format`` and ``chart`` say.

    ``page`` is a dataclass of plain values, which are the JSON; ``name`` begins the file name of a table. ``html``
    returns what the template needs besides, such as charts: it is only called for HTML.
    """
    wanted = wanted_form(tables)
    if wanted == "csv":
        chart = choose("chart", tuple(tables or ()))
        return _download((tables or {})[chart](), f"{name}-{chart}.csv" if name else f"{chart}.csv")
    if wanted == "json":
        return jsonify({"verdict": verdict, **{field.name: getattr(page, field.name) for field in fields(page)}})
    content = render(template, page=page, verdict=verdict, **html())
    # Bokeh's models hold each other in circles: let go while they are young, before they are many.
    gc.collect(1)
    return Response(content, mimetype="text/html")


def wanted_form(tables: Tables | None = None) -> str:
    """Return which form of a page is asked for; raise ``InvalidInput`` for one that it does not have."""
    return choose("format", ("html", "json", "csv") if tables else ("html", "json"))


def render(template: str, **values: Any) -> str:
    """Return a template with what stands around every page."""
    return _render(template, view=read_view(), firing=firing(alert_lines()), **values)


def render_apart(template: str, **values: Any) -> str:
    """Return a template in the frame without what the store holds: for a page that asks who is there."""
    return _render(template, **values)


def error_page(status: int, message: str, request_id: str) -> str:
    """Render an error for a browser. It reads nothing that could fail again: of the store only its notices."""
    heading = _HEADINGS.get(status, "An error of ours" if status >= 500 else "This did not work")
    return _render("error.html", status=status, heading=heading, message=message, request_id=request_id)


def choose(name: str, known: tuple[str, ...]) -> str:
    """Return an argument of the URL, by default the first known value; raise ``InvalidInput``."""
    value = request.args.get(name, known[0])
    if value not in known:
        message = f"expected {' or '.join(known)}"
        raise InvalidInput(f"{name}: {message}", [FieldError(name, message)])
    return value


def alert_lines() -> tuple[AlertLine, ...]:
    """Return the alerts that need a look, worst first, read once for each request."""
    if "alert_lines" not in g:
        g.alert_lines = read_alert_lines(store(), now())
    lines: tuple[AlertLine, ...] = g.alert_lines
    return lines


def registry() -> Registry:
    """Return the registry of the app that answers."""
    found: Registry = current_app.extensions["registry"]
    return found


def store() -> Store:
    """Return the store of the app that answers."""
    return registry().store


def settings() -> Settings:
    """Return the settings of the app that answers."""
    found: Settings = current_app.extensions["settings"]
    return found


def now() -> datetime:
    """Return the time of this request: one and the same for all that a page says."""
    if "page_time" not in g:
        clock: Clock = current_app.extensions["clock"]
        g.page_time = clock.now()
    time: datetime = g.page_time
    return time


def _render(template: str, **values: Any) -> str:
    pages = {name: page for name, page in current_app.blueprints.items() if isinstance(page, PageBlueprint)}
    asked = pages.get(request.blueprint or "")
    return render_template(
        template,
        now=now(),
        pages=[page for page in pages.values() if page.label] if may_read() else (),
        current=(asked.part_of if asked else "") or request.blueprint,
        is_ranged=asked is not None and asked.is_ranged,
        notices=store().notices() if may_read() else (),
        may_write=may_write(),
        has_session=has_session,
        form_token=form_token,
        stylesheet=assets.static_asset("dashboard.css").address,
        theme_script=assets.static_asset("theme.js").address,
        script=assets.static_asset("dashboard.js").address,
        refresh_script=assets.static_asset("refresh.js").address,
        favicon=assets.static_asset("icon.svg").address,
        **values,
    )


def _download(content: str, file_name: str) -> Response:
    response = Response(content, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response
