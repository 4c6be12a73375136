"""What the page of the store shows: where it is, what it holds, what waits for it, and how long it keeps things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ml_core.errors import ConfigurationError
from ml_core.records import SpoolStatus
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_spool

KINDS = {"json": "JSON files", "sqlite": "SQLite", "mysql+pymysql": "MariaDB or MySQL"}
COUNTED_BYTES = 64 * 1024 * 1024
"""To count a store reads all of it; a larger one is counted only when that is asked for."""
MOST_POISONED = 100


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many records of a kind a model or series has; of all together for the name ``""``."""

    kind: str
    name: str
    records: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a kind of records is kept, and by which setting."""

    kinds: str
    setting: str
    days: int


@dataclass(frozen=True, slots=True)
class PoisonedLine:
    """A record that the database did not take, and why."""

    poison_id: str
    kind: str
    model: str
    record_id: str
    reason: str
    time: datetime


@dataclass(frozen=True, slots=True)
class StorePage:
    """The store. ``counts`` is None where counting was not asked for; ``spool`` for a store that needs none."""

    time: datetime
    kind: str
    address: str
    size_bytes: int
    models: int
    documents: Mapping[str, int]
    counts: tuple[KindCount, ...] | None
    spool: SpoolStatus | None
    poisoned: tuple[PoisonedLine, ...]
    retention: tuple[Retention, ...]
    notices: tuple[str, ...]

    @property
    def totals(self) -> dict[str, int]:
        """How many records there are of each kind."""
        totals: dict[str, int] = {}
        for count in self.counts or ():
            totals[count.kind] = totals.get(count.kind, 0) + count.records
        return totals


def read_store_page(store: Store, settings: Settings, now: datetime, *, is_counted: bool) -> StorePage:
    """Return how the store stands; raise ``StoreUnavailable``."""
    url, size = settings.store_url.get_secret_value(), store.size_bytes()
    spool = store.spool_status()
    counts = store.count_records() if is_counted or size <= COUNTED_BYTES else None
    kept = settings.retention
    return StorePage(
        time=now,
        kind=KINDS.get(urlsplit(url).scheme, urlsplit(url).scheme),
        address=without_password(url),
        size_bytes=size,
        models=len(store.list_models()),
        documents={kind: len(store.list_documents(kind)) for kind in store.document_kinds()},
        counts=None if counts is None else tuple(_counts(counts)),
        spool=spool,
        poisoned=_poisoned(settings) if spool is not None and spool.poisoned else (),
        retention=(
            Retention("predictions, ground_truths", "retention.predictions_days", kept.predictions_days),
            Retention("metric_points", "retention.metrics_days", kept.metrics_days),
            Retention("observations, forecasts", "retention.series_days", kept.series_days),
        ),
        notices=tuple(store.notices()),
    )


def store_verdict(page: StorePage) -> str:
    """Return how the store stands in one sentence, what needs a hand first."""
    size = show_bytes(page.size_bytes)
    if page.spool is not None and page.spool.poisoned:
        were = "record was" if page.spool.poisoned == 1 else "records were"
        return f"{page.spool.poisoned:,} {were} not taken by the database and set apart: see why below."
    if page.spool is not None and page.spool.records:
        return f"{page.spool.records:,} records wait on this machine until the database takes them."
    if page.counts is None:
        return f"{page.kind}, {size}: it can be read, and nothing waits for it."
    total = sum(page.totals.values())
    return f"{page.kind} with {total:,} records in {size}: it can be read, and nothing waits for it."


def without_password(url: str) -> str:
    """Return a store's URL as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{parts.username}:hidden@{host}{port}", parts.path, parts.query, ""))


def show_bytes(size: int) -> str:
    """Return a size in its largest fitting unit: ``312 bytes``, ``4.2 kB``, ``1.2 GB``."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"


def _counts(counts: Mapping[str, Mapping[str, int]]) -> list[KindCount]:
    return [
        KindCount(kind, name, number)
        for kind, by_name in counts.items()
        for name, number in sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
    ]


def _poisoned(settings: Settings) -> tuple[PoisonedLine, ...]:
    try:
        records = open_spool(settings.store_url.get_secret_value(), settings.spool).poisoned()
    except ConfigurationError:  # a store that has no spool has set nothing apart
        return ()
    return tuple(
        PoisonedLine(each.poison_id, each.kind, each.model, _record_id(each.row), each.reason, each.time)
        for each in records[:MOST_POISONED]
    )


def _record_id(row: Mapping[str, Any]) -> str:
    return str(row.get("prediction_id", "a damaged line"))
