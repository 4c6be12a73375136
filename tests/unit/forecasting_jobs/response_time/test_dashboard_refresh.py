"""What the sheets are made of: the same hour of the days before, of all servers and main metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_documents import APPLICATIONS, LABELS, QUANTILES
from forecasting_jobs.response_time.sheet_values import SheetReader, means_known, quantiles_known
from ml_core.records import Observation
from tests.factories import NOON

DAY = timedelta(days=1)


def record(parts: Parts, server: str, metric: str, values: dict[datetime, float]) -> None:
    series = series_name("ABP", server, metric)
    parts.store.record_observations(series, [Observation(time, value, time + HOUR) for time, value in values.items()])


def quantiles(parts: Parts, hour: str) -> dict[tuple[str, str, str], dict[str, float]]:
    """Return the rows of an hour's document by server, metric and reference."""
    document = parts.store.get_document(QUANTILES, f"ABP/{hour}")
    assert document is not None
    rows = [dict(zip(document.content["columns"], row, strict=True)) for row in document.content["rows"]]
    return {(row["server"], row["metric"], row["reference"]): row for row in rows}


@pytest.fixture
def two_servers(parts: Parts) -> Parts:
    """Forty days at 11:00 of two servers: the main one counts the days back, the other knows one metric alone."""
    days = range(41)
    for metric in MAIN_METRICS:
        record(parts, "ABP", metric, {NOON - HOUR - day * DAY: float(day) for day in days})
    record(parts, "ABPServer1", "errors_per_minute", {NOON - HOUR - day * DAY: 5.0 for day in days})
    return parts


def test_an_hour_is_compared_with_the_same_hour_of_the_days_before_it(two_servers: Parts) -> None:
    refresh(two_servers, NOON)
    rows = quantiles(two_servers, "11")
    assert len(rows) == (len(MAIN_METRICS) + 1) * 3
    week = rows["ABP", ART, "7 Days"]
    assert (week["days"], week["mean"], week["percentile_50"]) == (7, 4.0, 4.0)  # days 1 to 7: not the hour itself
    month = rows["ABP", ART, "1 Month"]
    assert month["days"] == 30
    expected = np.percentile(np.arange(1, 31), [60, 75, 90, 99])
    assert [month[f"percentile_{each}"] for each in (60, 75, 90, 99)] == pytest.approx(list(expected))
    assert rows["ABP", ART, "6 Month"]["days"] == 40  # no more is known
    assert rows["ABPServer1", "errors_per_minute", "7 Days"]["percentile_99"] == 5.0
    points = two_servers.store.metric_series(two_servers.model, "percentile_90", NOON - HOUR, NOON, segment="1 Month")
    assert points["mean"].item() == pytest.approx(expected[2])


def test_the_page_finds_out_which_servers_and_metrics_there_are(two_servers: Parts) -> None:
    refresh(two_servers, NOON)
    found = two_servers.store.get_document(APPLICATIONS, "ABP")
    assert found is not None
    content = found.content
    assert (content["main_server"], content["servers"]) == ("ABP", ["ABP", "ABPServer1"])
    assert [each["label"] for each in content["metrics"]] == list(LABELS.values())
    assert content["series"]["ABPServer1"][ART] == series_name("ABP", "ABPServer1", ART)
    assert [each["reference"] for each in content["references"]] == ["7 Days", "1 Month", "6 Month"]
    assert content["until_time"] == "2026-11-20T12:00:00Z"


def test_nothing_of_an_hour_or_after_it_is_in_what_it_is_compared_with(two_servers: Parts) -> None:
    refresh(two_servers, NOON)
    before = quantiles(two_servers, "11")
    for metric in MAIN_METRICS:
        late = {NOON - HOUR: 9e6, **{NOON + number * HOUR: 9e6 for number in range(30)}}
        series = series_name("ABP", "ABP", metric)
        rows = [Observation(time, value, time + HOUR, correct=True) for time, value in late.items()]
        two_servers.store.record_observations(series, rows)
    document = two_servers.store.get_document(QUANTILES, "ABP/11")
    assert document is not None
    assert two_servers.store.delete_document(QUANTILES, "ABP/11", expected_revision=document.revision)
    refresh(two_servers, NOON)
    assert quantiles(two_servers, "11") == before


def test_an_hour_that_is_made_good_late_leaves_newer_documents_as_they_are(two_servers: Parts) -> None:
    store = two_servers.store
    refresh(two_servers, NOON)
    revisions = store.document_revisions(QUANTILES)
    assert len(revisions) == 24  # the first time all hours of the day
    refresh(two_servers, NOON - DAY)
    assert store.document_revisions(QUANTILES) == revisions
    refresh(two_servers, NOON + HOUR)
    changed = {key for key, revision in store.document_revisions(QUANTILES).items() if revision != revisions[key]}
    assert changed == {"ABP/12"}


def test_several_hours_read_each_series_once(two_servers: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SheetReader(two_servers, NOON)
    alone = [SheetReader(two_servers, NOON - number * HOUR).until(NOON - number * HOUR).values for number in (2, 1, 0)]
    reads: list[str] = []
    read = two_servers.store.observations

    def counted(series: str, *stretch: datetime) -> object:
        reads.append(series)
        return read(series, *stretch)

    monkeypatch.setattr(two_servers.store, "observations", counted)
    for number, expected in zip((2, 1, 0), alone, strict=True):
        np.testing.assert_array_equal(reader.until(NOON - number * HOUR).values, expected)
    assert len(reads) == len(set(reads)) == len(MAIN_METRICS) + 1


@pytest.mark.parametrize("values", [[3.0], [1.0, np.nan, 9.0, 4.0], list(range(11))])
def test_quantiles_of_what_is_known_are_those_of_numpy(values: Sequence[float]) -> None:
    row = np.array([values], dtype=float)
    known = row[0][np.isfinite(row[0])]
    expected = np.quantile(known, [0.0, 0.6, 0.99, 1.0])
    np.testing.assert_allclose(quantiles_known(row, (0.0, 0.6, 0.99, 1.0))[:, 0], expected)
    assert means_known(row)[0] == pytest.approx(known.mean())


def test_where_nothing_is_known_nothing_is_said() -> None:
    nothing = np.full((1, 4), np.nan)
    assert np.isnan(quantiles_known(nothing, (0.5,))).all() and np.isnan(means_known(nothing)).all()


def test_an_empty_store_gives_no_rows(parts: Parts) -> None:
    refresh(parts, NOON)
    assert quantiles(parts, "11") == {}
