from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from ml_core.records import Forecast, ForecastStep, Observation
from ml_core.store.json_store import JsonStore
from ml_monitor.pages.series_limits import SeriesLimit, read_limits, set_limit
from tests.factories import NOON
from tests.pages import BROWSER, HOSTILE, send_form, text_of

HOUR = timedelta(hours=1)
SERIES = "web/checkout"
PAGE = f"/ui/forecasts/{SERIES}"


@pytest.fixture
def rising(json_store: JsonStore) -> JsonStore:
    """A day of a series at 10, and two models' forecasts of it: one that rises by 1 an hour, one that stays."""
    rows = [Observation(NOON - number * HOUR, 10.0, NOON - number * HOUR) for number in range(25)]
    json_store.record_observations(SERIES, rows)
    for issued in (NOON - 6 * HOUR, NOON - HOUR):
        for model, slope in (("rising", 1.0), ("flat", 0.0)):
            steps = []
            for ahead in range(1, 13):
                value = 10.0 + slope * ahead
                steps.append(ForecastStep(issued + ahead * HOUR, value, value - 1, value + 1, value - 2, value + 2))
            json_store.put_forecast(Forecast(SERIES, model, issued, tuple(steps), 1))
    return json_store


class TestList:
    def test_an_empty_store_is_told_how_to_fill_it(self, client: FlaskClient) -> None:
        shown = text_of(client.get("/ui/forecasts"))
        assert "No series is known yet." in shown
        assert "python -m cloudwatch_engine run" in shown
        assert '"series": "web/cpu", "valid_time": "2026-11-20T12:00:00Z"' in shown

    def test_the_series_that_reaches_its_limit_first_comes_first(self, client: FlaskClient, rising: JsonStore) -> None:
        rising.record_observations("a-quiet-one", [Observation(NOON - HOUR, 1.0, NOON)])
        set_limit(rising, SERIES, "10", "s")
        found = client.get("/ui/forecasts?format=json").get_json()
        assert found["verdict"] == "web/checkout is forecast to reach its limit at 20 Nov 12:00 UTC."
        assert [line["series"] for line in found["series"]] == [SERIES, "a-quiet-one"]
        assert found["series"][0]["best"]["model"] == "flat"
        assert "reaches limit" in text_of(client.get("/ui/forecasts"))

    def test_some_are_found_by_name(self, client: FlaskClient, rising: JsonStore) -> None:
        assert SERIES in text_of(client.get("/ui/forecasts?words=CHECK"))
        shown = text_of(client.get(f"/ui/forecasts?words={HOSTILE}"))
        assert "No series is named like" in shown


class TestSeries:
    def test_the_best_models_newest_forecast_is_shown(self, client: FlaskClient, rising: JsonStore) -> None:
        found = client.get(f"{PAGE}?format=json").get_json()
        assert (found["model"], found["issue_time"]) == ("flat", "2026-11-20T11:00:00Z")
        assert found["steps"][0] == {
            "valid_time": "2026-11-20T12:00:00Z",
            "value": 10.0,
            "lower_80": 9.0,
            "upper_80": 11.0,
            "lower_95": 8.0,
            "upper_95": 12.0,
        }
        assert [score["model"] for score in found["scores"]] == ["flat", "rising"]
        assert found["scores"][0]["mae"] == 0.0
        assert found["verdict"].startswith("Forecast from 10 to 10 by 20 Nov 23:00 UTC (flat, 1 h ago).")

    def test_another_model_and_its_first_crossing(self, client: FlaskClient, rising: JsonStore) -> None:
        set_limit(rising, SERIES, "14", "s")
        found = client.get(f"{PAGE}?format=json&model=rising").get_json()
        assert found["crossing"] == {
            "expected_time": "2026-11-20T15:00:00Z",
            "upper_80_time": "2026-11-20T14:00:00Z",
            "upper_95_time": "2026-11-20T13:00:00Z",
        }
        assert found["verdict"].startswith("Forecast to reach its limit of 14 s at 20 Nov 15:00 UTC (rising, 1 h ago).")
        flat = client.get(f"{PAGE}?format=json&model=flat").get_json()
        assert flat["verdict"].startswith("Forecast to stay below its limit of 14 s")
        set_limit(rising, SERIES, "11.5", "")
        flat = client.get(f"{PAGE}?format=json&model=flat").get_json()
        assert "May reach its limit of 11.5 from 20 Nov 12:00 UTC on, by the 95 % interval" in flat["verdict"]

    def test_a_fixed_range_shows_what_was_forecast_by_then(self, client: FlaskClient, rising: JsonStore) -> None:
        past = client.get(f"{PAGE}?format=json&from=2026-11-20T00:00:00Z&to=2026-11-20T08:00:00Z").get_json()
        assert past["issue_time"] == "2026-11-20T06:00:00Z"

    def test_charts_tables_and_csv_hold_the_same(self, client: FlaskClient, rising: JsonStore) -> None:
        page = client.get(PAGE)
        assert re.findall(r'data-target="([^"]+)"', page.text) == ["chart-forecast", "chart-horizons"]
        for chart, lines in (("forecast", 12), ("observations", 25), ("scores", 2), ("horizons", 12)):
            table = client.get(f"{PAGE}?format=csv&chart={chart}")
            assert len(list(csv.DictReader(io.StringIO(table.text)))) == lines
        assert table.headers["Content-Disposition"] == 'attachment; filename="web-checkout-horizons.csv"'

    def test_a_series_without_forecasts_still_shows_what_was_measured(
        self, client: FlaskClient, json_store: JsonStore
    ) -> None:
        json_store.record_observations(HOSTILE, [Observation(NOON - 3 * HOUR, 1e300, NOON)])
        page = client.get(f"/ui/forecasts/{HOSTILE}")
        assert page.status_code == 200
        assert "Nothing is forecast of it." in text_of(page)
        assert "<img" not in page.text
        assert "Nothing was measured" in text_of(client.get(f"/ui/forecasts/{HOSTILE}?range=1h"))

    @pytest.mark.parametrize(
        "address", ["/ui/forecasts/nope", "/ui/forecasts/%20", f"/ui/forecasts/{'x' * 3000}", f"{PAGE}?model=nobody"]
    )
    def test_what_is_not_there_is_not_found(self, client: FlaskClient, rising: JsonStore, address: str) -> None:
        assert client.get(address, headers=BROWSER).status_code == 404


class TestLimit:
    def test_a_limit_is_kept_changed_and_removed(self, client: FlaskClient, rising: JsonStore) -> None:
        kept = send_form(client, PAGE, f"{PAGE}/limits", limit="12.5", unit="s")
        assert (kept.status_code, kept.location) == (303, f"{PAGE}?done=limit")
        assert read_limits(rising) == {SERIES: SeriesLimit(12.5, "s")}
        assert "The limit is kept." in text_of(client.get(kept.location))
        send_form(client, PAGE, f"{PAGE}/limits", limit="13", unit="")
        assert read_limits(rising) == {SERIES: SeriesLimit(13.0)}
        send_form(client, PAGE, f"{PAGE}/limits", limit="", unit="")
        assert read_limits(rising) == {}
        send_form(client, PAGE, f"{PAGE}/limits", limit="")

    @pytest.mark.parametrize("limit", ["x", "nan", "1e999", "1,5"])
    def test_what_is_no_number_is_refused_on_the_page(self, client: FlaskClient, rising: JsonStore, limit: str) -> None:
        answer = send_form(client, PAGE, f"{PAGE}/limits", limit=limit)
        assert answer.status_code == 422
        assert f"limit: expected a finite number, not '{limit}'" in text_of(answer)
        assert read_limits(rising) == {}

    def test_another_sites_form_changes_nothing(self, client: FlaskClient, rising: JsonStore) -> None:
        assert client.post(f"{PAGE}/limits", data={"limit": "1"}).status_code == 403
        assert read_limits(rising) == {}

    def test_another_package_may_name_it(self, rising: JsonStore) -> None:
        content = {"series": SERIES, "limit": 80, "unit": "%"}
        rising.put_document("cloudwatch-trials", "i-0abc", content, expected_revision=None)
        rising.put_document("cloudwatch-trials", "odd", {"limit": 1}, expected_revision=None)
        assert read_limits(rising) == {SERIES: SeriesLimit(80.0, "%", is_own=False)}
        set_limit(rising, SERIES, "70", "%")
        assert read_limits(rising)[SERIES].limit == 70
