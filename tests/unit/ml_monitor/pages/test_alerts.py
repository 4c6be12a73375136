from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import get_alert
from tests.e2e.worlds_of_pages import fill_alerts
from tests.factories import NOON
from tests.pages import HOSTILE, send_form, text_of
from tests.unit.ml_monitor.telling import an_alert, keep

DAY = timedelta(days=1)


@pytest.fixture
def every_state(json_store: JsonStore) -> JsonStore:
    """A store with an alert in each state."""
    fill_alerts(json_store, NOON)
    return json_store


def listed(client: FlaskClient, query: str = "") -> list[tuple[str, str]]:
    rows = client.get(f"/ui/alerts?format=json{query}").get_json()["alerts"]
    return [(row["subject"], row["state"]) for row in rows]


def id_of(client: FlaskClient, subject: str) -> str:
    rows = client.get("/ui/alerts?format=json&state=all").get_json()["alerts"]
    (found,) = (row["alert_id"] for row in rows if row["subject"] == subject)
    return str(found)


class TestList:
    def test_without_alerts_it_names_the_command_that_brings_them(self, client: FlaskClient) -> None:
        shown = text_of(client.get("/ui/alerts"))
        assert "No alert is known yet" in shown
        assert "python -m ml_monitor check" in shown

    def test_open_ones_are_shown_worst_first(self, client: FlaskClient, every_state: JsonStore) -> None:
        assert listed(client) == [
            ("mae", "firing"),
            ("income", "acknowledged"),
            ("missing values of age", "silenced"),
            ("amount", "pending"),
        ]
        verdict = client.get("/ui/alerts?format=json").get_json()["verdict"]
        assert verdict.startswith(
            "Alerts: 1 firing, 1 acknowledged, 1 silenced, 1 pending. The worst, of performance: "
        )
        assert verdict.endswith("mae of housing_price since 14 Nov (12.5, bound 10).")

    @pytest.mark.parametrize(
        ("query", "subjects"),
        [
            ("&state=firing", ["mae"]),
            ("&state=resolved", ["roc_auc"]),
            ("&state=ok", ["log_loss"]),
            ("&state=insufficient data", ["f1"]),
            ("&model=payment_fraud", ["amount"]),
            ("&model=payment_fraud&state=all", ["amount", "roc_auc", "log_loss"]),
            ("&model=nobody", []),
        ],
    )
    def test_filters_leave_what_they_say(
        self, client: FlaskClient, every_state: JsonStore, query: str, subjects: list[str]
    ) -> None:
        assert [subject for subject, _ in listed(client, query)] == subjects

    def test_a_filter_without_alerts_leads_to_all(self, client: FlaskClient, every_state: JsonStore) -> None:
        shown = text_of(client.get("/ui/alerts?state=silenced&model=payment_fraud"))
        assert "No alert is in this state for payment_fraud. Show all 3" in shown

    def test_another_state_is_refused(self, client: FlaskClient) -> None:
        assert client.get("/ui/alerts?state=odd").status_code == 422

    def test_the_navigation_counts_what_fires(self, client: FlaskClient, every_state: JsonStore) -> None:
        assert "Alerts 2 firing" in text_of(client.get("/ui/store"))

    def test_the_list_is_csv_too(self, client: FlaskClient, every_state: JsonStore) -> None:
        lines = client.get("/ui/alerts?format=csv&state=all").text.splitlines()
        assert len(lines) == 8
        assert lines[0].startswith("alert_id,model,cause,subject,segment,rule,severity,state,since,value,bound")


class TestAlert:
    def test_it_shows_chunks_history_and_who_took_it_up(self, client: FlaskClient, every_state: JsonStore) -> None:
        page = f"/ui/alerts/{id_of(client, 'income')}"
        shown = text_of(client.get(page))
        assert "Taken up by Ada : The import of 20 Nov" in shown
        assert "acknowledged Ada The import of 20 Nov" in shown
        found = client.get(f"{page}?format=json").get_json()
        assert [chunk["outcome"] for chunk in found["chunks"]] == ["bad", "bad"]
        assert found["history"][0]["event"] == "acknowledged"
        assert client.get(f"{page}?format=csv").text.splitlines()[1].endswith(",acknowledged,Ada,The import of 20 Nov")

    def test_what_clients_wrote_is_escaped(self, client: FlaskClient, json_store: JsonStore) -> None:
        keep(json_store, an_alert(subject=HOSTILE, model="evil"))
        for address in ("/ui/alerts", f"/ui/alerts/{id_of(client, HOSTILE)}"):
            assert "<img" not in client.get(address).text

    def test_an_unknown_one_is_not_found(self, client: FlaskClient) -> None:
        assert client.get("/ui/alerts/nope").status_code == 404


class TestAnswers:
    def answer(self, client: FlaskClient, subject: str, what: str, **fields: str) -> tuple[int, str]:
        page = f"/ui/alerts/{id_of(client, subject)}"
        answer = send_form(client, page, f"{page}/{what}", **fields)
        if answer.status_code == 303:
            answer = client.get(answer.location)
        return answer.status_code, text_of(answer)

    def test_one_is_taken_up(self, client: FlaskClient, every_state: JsonStore) -> None:
        status, shown = self.answer(client, "mae", "acknowledgements", author=" Ada ", note="On it")
        assert status == 200
        assert "You have taken it up: it is not repeated until it has resolved." in shown
        assert ("mae", "acknowledged") in listed(client)
        line = get_alert(every_state, id_of(client, "mae")).history[-1]
        assert (line["action"], line["author"], line["note"]) == ("acknowledged", "Ada", "On it")

    def test_one_is_silenced_for_a_while_and_the_silence_lifted(
        self, client: FlaskClient, every_state: JsonStore
    ) -> None:
        self.answer(client, "mae", "silences", author="Ada", span="24h")
        state = get_alert(every_state, id_of(client, "mae")).state
        assert state.silence is not None
        assert state.silence.until_time == NOON + DAY
        _, shown = self.answer(client, "mae", "silences/lift")
        assert "The silence is lifted." in shown
        assert ("mae", "firing") in listed(client)

    def test_one_is_silenced_until_a_time_of_the_picker(self, client: FlaskClient, every_state: JsonStore) -> None:
        self.answer(client, "mae", "silences", author="Ada", span="4h", until_time="2026-11-22T08:30")
        state = get_alert(every_state, id_of(client, "mae")).state
        assert state.silence is not None
        assert f"{state.silence.until_time:%d %H:%M %Z}" == "22 08:30 UTC"

    @pytest.mark.parametrize(
        ("subject", "what", "fields", "status", "words"),
        [
            ("mae", "acknowledgements", {"author": " "}, 422, "author: expected some text"),
            ("mae", "acknowledgements", {"author": "x" * 101}, 422, "author: expected at most 100 characters"),
            ("amount", "acknowledgements", {"author": "Ada"}, 409, "the alert is pending; only a firing one"),
            ("mae", "silences", {"author": "Ada", "span": "9y"}, 422, "span: expected one of 1h, 4h, 24h, 7d"),
            ("mae", "silences", {"author": "Ada", "until_time": "soon"}, 422, "until_time: expected an ISO 8601 time"),
            ("mae", "silences", {"author": "Ada", "until_time": "2026-11-01T00:00"}, 422, "until_time: expected a"),
        ],
    )
    def test_what_does_not_fit_is_said_on_the_page_and_changes_nothing(
        self,
        client: FlaskClient,
        every_state: JsonStore,
        subject: str,
        what: str,
        fields: dict[str, str],
        status: int,
        words: str,
    ) -> None:
        before = listed(client)
        found, shown = self.answer(client, subject, what, note="my note", **fields)
        assert (found, words in shown) == (status, True), shown
        assert "my note" in shown
        assert listed(client) == before

    def test_another_site_cannot_answer(self, client: FlaskClient, every_state: JsonStore) -> None:
        page = f"/ui/alerts/{id_of(client, 'mae')}"
        for what in ("acknowledgements", "silences", "silences/lift"):
            assert client.post(f"{page}/{what}", data={"author": "Eve", "span": "7d"}).status_code == 403
        assert ("mae", "firing") in listed(client)
