"""The four sheets of response times, on what the jobs have left in a store."""

from __future__ import annotations

import csv
import io
import re
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.parts import Parts
from ml_core.clock import FixedClock
from ml_core.records import Observation
from ml_core.store.json_store import JsonStore
from ml_monitor.pages.forecasts_reader import Measured
from ml_monitor.pages.sheets_reader import averaged
from tests.factories import NOON
from tests.pages import BROWSER, HOSTILE, text_of
from tests.response_times import LIMIT, fill_response_times, load_at, parts_on, put_warning

HOUR = timedelta(hours=1)
SHEETS = ("bullets", "art", "servers", "metrics")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a month of two servers up to noon, and twelve forecasts, of which the newest warns."""
    folder = tmp_path_factory.mktemp("response-times")
    with closing(JsonStore(folder)) as store:
        fill_response_times(parts_on(store, FixedClock(NOON), folder), NOON)
    return folder


@pytest.fixture
def response_times(json_store: JsonStore, clock: FixedClock, tmp_path: Path, kept: Path) -> Parts:
    """The same in the store of this test."""
    shutil.copytree(kept, json_store.folder, dirs_exist_ok=True)
    return parts_on(json_store, clock, tmp_path)


@pytest.mark.parametrize("sheet", SHEETS)
def test_an_empty_sheet_says_which_commands_fill_it(client: FlaskClient, sheet: str) -> None:
    shown = text_of(client.get(f"/ui/response-time/{sheet}"))
    assert "No response time is known yet." in shown
    assert "python -m forecasting_jobs response-time hourly" in shown
    assert client.get(f"/ui/response-time/{sheet}?format=json").get_json()["application"] is None
    assert client.get(f"/ui/response-time/{sheet}?format=csv").status_code == 200


@pytest.mark.usefixtures("response_times")
class TestWarning:
    @pytest.mark.parametrize("sheet", SHEETS)
    def test_each_sheet_opens_with_the_early_warning(self, client: FlaskClient, sheet: str) -> None:
        shown = text_of(client.get(f"/ui/response-time/{sheet}"))
        assert (
            "Early warning for ABP: 42.0 % chance of more than 450 ms within 6 hours. The upper 95 % bound first "
            "crosses it in the hour from 20 Nov 14:00 UTC, in 2 h."
        ) in shown
        assert shown.index("Early warning") < shown.index("Lead time") < shown.index("3 h")

    def test_the_list_of_series_tells_it_too_and_leads_to_the_sheets(self, client: FlaskClient) -> None:
        page = client.get("/ui/forecasts")
        assert "Early warning for ABP: 42.0 % chance" in text_of(page)
        for sheet in SHEETS:
            assert f'href="/ui/response-time/{sheet}"' in page.text
        (line,) = client.get("/ui/forecasts?format=json").get_json()["response_times"]
        assert (line["application"], line["is_warning"]) == ("ABP", True)

    def test_without_a_crossing_there_is_none(self, client: FlaskClient, response_times: Parts) -> None:
        put_warning(response_times, NOON + HOUR, probability=0.003, lead_hours=None)
        found = client.get("/ui/response-time?format=json").get_json()
        # What is said of an hour that has not begun for the viewer is not shown yet.
        assert found["warning"]["probability"] == 0.42

    def test_the_newest_one_counts_and_its_age_is_told(
        self, client: FlaskClient, response_times: Parts, clock: FixedClock
    ) -> None:
        put_warning(response_times, NOON + HOUR, probability=0.003, lead_hours=None)
        clock.time = NOON + 6 * HOUR
        assert client.get("/ui/response-time?format=json").get_json()["verdict"] == (
            "No early warning for ABP: 0.3 % chance of more than 450 ms within 6 hours, and no upper bound crosses it. "
            "That forecast is 5 h old."
        )

    def test_months_later_it_is_none(self, client: FlaskClient, clock: FixedClock, response_times: Parts) -> None:
        clock.time = NOON + timedelta(days=40)
        shown = text_of(client.get("/ui/response-time/bullets"))
        assert "Nothing is forecast of ABP yet." in shown and "No forecast of the last month is there" in shown


@pytest.mark.usefixtures("response_times")
class TestBullets:
    def test_each_server_stands_beside_the_same_hour_of_the_days_before(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/bullets?format=json").get_json()
        assert [bullet["title"] for bullet in found["bullets"]] == ["ABP", "ABPServer1"]
        main = found["bullets"][0]
        assert main["time"] == "2026-11-20T11:00:00Z"
        assert main["value"] == pytest.approx(load_at(NOON - HOUR))
        assert main["before"]["days"] == 7
        assert main["before"]["percentile_99"] == pytest.approx(load_at(NOON - HOUR), rel=1e-5)

    def test_another_hour_metric_and_reference_can_be_chosen(self, client: FlaskClient) -> None:
        address = "/ui/response-time/bullets?hour=15&metric=calls_per_minute&reference=6+Month"
        found = client.get(f"{address}&format=json").get_json()
        assert found["bullets"][0]["time"] == "2026-11-19T15:00:00Z"  # today's is still to come
        assert found["bullets"][0]["before"]["days"] == 29
        assert '<option value="calls_per_minute" selected>' in client.get(address).text

    def test_the_coming_hours_stand_beside_their_own_hours(self, client: FlaskClient) -> None:
        coming = client.get("/ui/response-time/bullets?format=json").get_json()["coming"]
        assert [bullet["title"] for bullet in coming] == ["1H", "2H", "3H", "4H", "5H", "6H"]
        assert coming[2]["before"]["percentile_50"] == pytest.approx(load_at(NOON + 2 * HOUR), rel=1e-5)
        assert coming[2]["upper"] > LIMIT

    def test_an_unusual_hour_says_so_in_words(self, client: FlaskClient, response_times: Parts) -> None:
        rows = [Observation(NOON - HOUR, 9000.0, NOON, correct=True)]
        response_times.store.record_observations(response_times.series, rows)
        refresh(response_times, NOON)
        assert "above 99 %" in text_of(client.get("/ui/response-time/bullets"))

    def test_nothing_of_it_needs_javascript(self, client: FlaskClient) -> None:
        page = client.get("/ui/response-time/bullets").text
        assert page.count('<svg class="bullet"') == 8
        assert "chart-data" not in page


@pytest.mark.usefixtures("response_times")
class TestArt:
    def test_actual_stands_beside_what_was_said_so_many_hours_before(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/art?format=json&ahead=2").get_json()
        said = {step["valid_time"]: step for step in found["said"]}
        step = said["2026-11-20T11:00:00Z"]
        assert step["value"] == pytest.approx(load_at(NOON - HOUR) + 20)
        assert step["upper_95"] - step["value"] == pytest.approx(80)
        assert len(found["steps"]) == 6
        assert found["measured"][-1]["time"] == "2026-11-20T11:00:00Z"
        assert found["usual"]["14"]["mean"] == pytest.approx(load_at(NOON + 2 * HOUR), rel=1e-5)

    def test_the_same_hour_day_by_day_has_the_forecasts_of_each(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/art?format=json&reference=1+Month").get_json()
        days = found["days"]["ABP"]
        assert len(days) == 30
        assert days[0]["forecasts"] == {}
        assert days[-1]["forecasts"]["6H"] == pytest.approx(load_at(NOON - HOUR) + 60)

    def test_the_error_by_hours_ahead_is_that_of_the_newest_refresh(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/art?format=json").get_json()
        assert [error["ahead"] for error in found["errors"]] == [1, 2, 3, 4, 5, 6]
        assert [error["mae"] for error in found["errors"]] == pytest.approx([10, 20, 30, 40, 50, 60])
        assert found["errors"][0]["hours"] == 11
        assert found["errors"][0]["coverage_80"] == 1.0
        assert found["errors_until"] == "2026-11-20T12:00:00Z"

    def test_charts_and_tables_hold_the_same(self, client: FlaskClient) -> None:
        page = client.get("/ui/response-time/art")
        assert re.findall(r'data-target="([^"]+)"', page.text) == ["chart-art", "chart-days"]
        assert "limit: 450 ms" in text_of(page)
        rows = list(csv.DictReader(io.StringIO(client.get("/ui/response-time/art?format=csv").text)))
        assert len(rows) == 8 and rows[-1]["6H"] != ""


@pytest.mark.usefixtures("response_times")
class TestServers:
    def test_all_servers_or_one_beside_its_quantiles(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/servers?format=json").get_json()
        assert list(found["days"]) == ["ABP", "ABPServer1"]
        assert [row["server"] for row in found["quantiles"]] == ["ABP", "ABPServer1"]
        one = client.get("/ui/response-time/servers?server=ABPServer1&metric=errors_per_minute&hour=03&format=json")
        assert list(one.get_json()["days"]) == ["ABPServer1"]
        values = [day["value"] for day in one.get_json()["days"]["ABPServer1"]]
        np.testing.assert_allclose(values, 0.015 * load_at(NOON.replace(hour=3)))
        assert len(values) == 8  # seven days before the newest

    def test_a_chart_is_drawn(self, client: FlaskClient) -> None:
        assert 'data-target="chart-days"' in client.get("/ui/response-time/servers").text


@pytest.mark.usefixtures("response_times")
class TestMetrics:
    def test_all_metrics_of_a_server_with_their_average(self, client: FlaskClient) -> None:
        found = client.get("/ui/response-time/metrics?format=json&server=ABPServer1").get_json()
        assert len(found["metrics"]) == 6
        values = found["metrics"]["calls_per_minute"]
        expected = [0.01 * load_at(NOON - number * HOUR) for number in (4, 3, 2, 1)]
        assert values[-1]["average"] == pytest.approx(sum(expected) / 4)
        # The first hour in the range has its three before it, which are not.
        assert values[0]["average"] != values[0]["value"]
        page = client.get("/ui/response-time/metrics").text
        assert len(re.findall(r'data-target="chart-(\w+)"', page)) == 6

    def test_an_average_knows_nothing_of_what_came_after(self) -> None:
        measured = tuple(Measured(NOON + number * HOUR, float(number * number)) for number in (0, 1, 2, 3, 4, 8, 9))
        found = averaged(measured)
        assert [each.average for each in found] == pytest.approx([0, 0.5, 5 / 3, 14 / 4, 30 / 4, 64, 72.5])
        for place in range(1, len(measured)):
            assert averaged(measured[:place]) == found[:place]


@pytest.mark.usefixtures("response_times")
@pytest.mark.parametrize(
    "query",
    [
        "server=nope",
        "metric=nope",
        "reference=nope",
        "hour=24",
        "hour=x",
        "ahead=7",
        "application=nope",
        f"server={HOSTILE}",
    ],
)
def test_what_cannot_be_chosen_is_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/ui/response-time/art?{query}")
    assert answer.status_code == 422 or answer.status_code == 400
    assert query.partition("=")[0] in answer.get_json()["error"]["message"]
    page = client.get(f"/ui/response-time/art?{query}", headers=BROWSER)
    assert "<img" not in page.text


def test_there_are_no_other_sheets(client: FlaskClient) -> None:
    assert client.get("/ui/response-time/nope", headers=BROWSER).status_code == 404


def test_a_server_named_by_a_stranger_stays_text(client: FlaskClient, response_times: Parts) -> None:
    name = HOSTILE.replace("/", "")
    series = f"response-time/ABP/{name}/avg_response_time_ms"
    response_times.store.record_observations(series, [Observation(NOON - HOUR, 1.0, NOON)])
    refresh(response_times, NOON + HOUR)
    for sheet in SHEETS:
        page = client.get(f"/ui/response-time/{sheet}", headers=BROWSER)
        assert page.status_code == 200
        assert "<img" not in page.text
