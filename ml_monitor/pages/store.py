"""The page of the store at ``/ui/store``."""

from __future__ import annotations

from flask import Response, request

from ml_monitor.pages import frame
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.store_reader import StorePage, read_store_page, show_bytes, store_verdict

ADDRESS = "/ui/store"
blueprint = frame.PageBlueprint("store", __name__, label="Store", address=ADDRESS, is_ranged=False)


@blueprint.get(ADDRESS)
def store() -> Response:
    """Show how the store stands; ``?count=all`` counts also a large one."""
    is_counted = request.args.get("count") == "all"
    found = read_store_page(frame.store(), frame.settings(), frame.now(), is_counted=is_counted)
    return frame.respond(
        "store.html",
        found,
        store_verdict(found),
        tables={"records": lambda: _records_csv(found), "poisoned": lambda: _poisoned_csv(found)},
        html=lambda: {"show_bytes": show_bytes},
    )


def _records_csv(page: StorePage) -> str:
    return table_csv(
        ("kind", "model_or_series", "records"), ((each.kind, each.name, each.records) for each in page.counts or ())
    )


def _poisoned_csv(page: StorePage) -> str:
    rows = ((each.poison_id, each.time, each.kind, each.model, each.record_id, each.reason) for each in page.poisoned)
    return table_csv(("poison_id", "time", "kind", "model", "record_id", "reason"), rows)
