from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.jobs.job_requests import list_requests, move_request
from ml_core.records import RunState
from ml_core.settings import AuthSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON
from tests.pages import HOSTILE, send_form, text_of

MINUTE = timedelta(minutes=1)
CRONTAB = """
# check: judge what is new
*/5 * * * * python -m ml_monitor check
# retain: forget what is old
0 3 * * * python -m ml_core.jobs run retain ml_core.store retain
# backup: keep a copy
0 4 * * * python -m ml_core.store backup $(date).gz
"""


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, tmp_path: Path) -> Iterator[FlaskClient]:
    """A client of a dashboard that knows three jobs."""
    (tmp_path / "crontab").write_text(CRONTAB)
    changed = settings.model_copy(update={"crontab": str(tmp_path / "crontab")})
    return create_app(changed, json_store, clock).test_client()


def run(
    store: JsonStore, job: str, slot: datetime, state: RunState = "done", message: str | None = None, log: str = ""
) -> None:
    lease = store.claim_run(job, slot, now=slot, lease=MINUTE, holder="node:1")
    assert lease is not None
    store.finish_run(lease, now=slot + timedelta(seconds=4), state=state, message=message, log_tail=log)


def states(client: FlaskClient) -> dict[str, str]:
    return {job["job"]: job["state"] for job in client.get("/ui/jobs?format=json").get_json()["jobs"]}


class TestList:
    def test_jobs_of_the_crontab_are_shown_before_they_ever_ran(self, client: FlaskClient) -> None:
        assert states(client) == dict.fromkeys(("check", "retain", "backup"), "never ran")
        shown = text_of(client.get("/ui/jobs"))
        assert "3 jobs" not in shown
        assert "backup, check and retain never ran." in shown or "never ran." in shown
        assert "judge what is new" in shown

    def test_what_needs_a_look_comes_first(self, client: FlaskClient, json_store: JsonStore) -> None:
        run(json_store, "check", NOON - 5 * MINUTE)
        run(json_store, "retain", NOON - timedelta(days=2))
        run(json_store, "backup", NOON - timedelta(hours=8), "failed", "no space left")
        run(json_store, "of-others", NOON - timedelta(hours=1))
        found = client.get("/ui/jobs?format=json").get_json()
        assert [(job["job"], job["state"]) for job in found["jobs"]] == [
            ("backup", "failed"),
            ("retain", "silent"),
            ("of-others", "done"),
            ("check", "done"),
        ]
        assert found["verdict"] == "backup failed: no space left; retain has fallen silent."
        assert found["jobs"][3]["next_time"] == "2026-11-20T12:05:00Z"
        assert found["jobs"][3]["last"]["seconds"] == 4.0

    def test_a_job_is_silent_five_minutes_after_cron_should_have_called_it(
        self, client: FlaskClient, json_store: JsonStore, clock: FixedClock
    ) -> None:
        run(json_store, "check", NOON)
        for minutes, expected in ((9, "done"), (10, "silent")):
            clock.time = NOON + minutes * MINUTE
            assert states(client)["check"] == expected

    def test_a_run_that_goes_on_and_one_whose_process_ended(
        self, client: FlaskClient, json_store: JsonStore, clock: FixedClock
    ) -> None:
        json_store.claim_run("check", NOON, now=NOON, lease=MINUTE, holder="node:1")
        assert states(client)["check"] == "running"
        clock.advance(MINUTE)
        assert states(client)["check"] == "failed"
        assert "ended without a word" in text_of(client.get("/ui/jobs/check"))

    def test_when_all_goes_well_it_says_so(self, client: FlaskClient, json_store: JsonStore) -> None:
        for job in ("check", "retain", "backup"):
            run(json_store, job, NOON)
        assert client.get("/ui/jobs?format=json").get_json()["verdict"] == "All 3 jobs ran when they were due."

    def test_a_crontab_that_cannot_be_read_is_named_and_the_history_shown(
        self, settings: Settings, json_store: JsonStore, clock: FixedClock
    ) -> None:
        run(json_store, "check", NOON)
        client = create_app(settings.model_copy(update={"crontab": "/nowhere"}), json_store, clock).test_client()
        shown = text_of(client.get("/ui/jobs"))
        assert "Crontab: cannot read /nowhere: No such file or directory" in shown
        assert "check" in states(client)

    def test_without_any_job_it_names_the_commands(
        self, settings: Settings, json_store: JsonStore, clock: FixedClock, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").write_text("")
        changed = settings.model_copy(update={"crontab": str(tmp_path / "empty")})
        shown = text_of(create_app(changed, json_store, clock).test_client().get("/ui/jobs"))
        assert "No job is known yet." in shown
        assert "make install-cron" in shown

    def test_the_list_is_csv_too(self, client: FlaskClient, json_store: JsonStore) -> None:
        run(json_store, "cmd", NOON, message="@x")
        lines = client.get("/ui/jobs?format=csv").text.splitlines()
        assert lines[0] == "job,state,schedule,last_slot,started,seconds,message,next,command"
        assert any(line.startswith("cmd,done,,2026-11-20T12:00:00Z,2026-11-20T12:00:00Z,4.0,'@x,") for line in lines)


class TestJob:
    def test_it_shows_runs_with_their_logs(self, client: FlaskClient, json_store: JsonStore) -> None:
        run(json_store, "check", NOON - 5 * MINUTE, message="3 models")
        run(json_store, "check", NOON, "failed", HOSTILE, log=f"one\n{HOSTILE}")
        page = client.get("/ui/jobs/check")
        assert "<img" not in page.text
        assert f"The newest run failed: {HOSTILE}." in text_of(page)
        assert len(re.findall("<details(?= open)", page.text)) == 1  # the log of what failed
        assert client.get("/ui/jobs/check?format=csv").text.count("\n") == 3
        assert [each["outcome"] for each in client.get("/ui/jobs/check?format=json").get_json()["runs"]] == [
            "failed",
            "done",
        ]

    def test_an_unknown_job_is_not_found(self, client: FlaskClient, json_store: JsonStore) -> None:
        run(json_store, "check", NOON)
        for name in ("nope", "../predictions/churn", "x" * 3000):
            assert client.get(f"/ui/jobs/{quote(name, safe='')}").status_code == 404

    def test_run_now_asks_first_and_names_the_command(self, client: FlaskClient) -> None:
        page = client.get("/ui/jobs/retain?confirm=run")
        assert "Run retain now?" in text_of(page)
        assert "python -m ml_core.jobs run retain ml_core.store retain" in text_of(page)
        assert "Run retain now?" not in text_of(client.get("/ui/jobs/retain"))


class TestRunNow:
    def ask(self, client: FlaskClient, job: str) -> object:
        return send_form(client, f"/ui/jobs/{job}?confirm=run", f"/ui/jobs/{job}/requests", author="Ada")

    def test_it_writes_a_request_and_shows_how_it_goes(
        self, client: FlaskClient, json_store: JsonStore, clock: FixedClock
    ) -> None:
        page = "/ui/jobs/check?confirm=run"
        answer = send_form(client, page, "/ui/jobs/check/requests", author=" Ada ")
        assert (answer.status_code, answer.location) == (303, "/ui/jobs/check?done=requested")
        request = list_requests(json_store)["check"]
        assert (request.state, request.author, request.requested_time) == ("requested", "Ada", NOON)
        shown = text_of(client.get(answer.location))
        assert "It will be run within a minute." in shown
        again = send_form(client, page, "/ui/jobs/check/requests")
        assert again.status_code == 409
        assert "check is requested already, since 2026-11-20T12:00:00Z" in text_of(again)
        clock.advance(4 * MINUTE)
        assert "nobody picks it up" in text_of(client.get("/ui/jobs/check"))
        move_request(json_store, request, "running", now=clock.now())
        assert "nobody picks it up" not in text_of(client.get("/ui/jobs/check"))

    def test_a_job_that_needs_a_shell_or_is_of_others_is_refused(
        self, client: FlaskClient, json_store: JsonStore
    ) -> None:
        run(json_store, "of-others", NOON)
        for job, reason in (("backup", "needs a shell"), ("of-others", "none of the jobs that are wanted here")):
            assert reason in text_of(client.get(f"/ui/jobs/{job}?confirm=run"))
            answer = send_form(client, "/ui/jobs/check?confirm=run", f"/ui/jobs/{job}/requests")
            assert answer.status_code == 409
        assert send_form(client, "/ui/jobs/check?confirm=run", "/ui/jobs/rm -rf/requests").status_code == 404
        assert list_requests(json_store) == {}

    def test_another_site_cannot_ask(self, client: FlaskClient, json_store: JsonStore) -> None:
        assert client.post("/ui/jobs/check/requests").status_code == 403
        assert list_requests(json_store) == {}

    def test_who_may_only_read_is_offered_nothing(
        self, settings: Settings, json_store: JsonStore, clock: FixedClock
    ) -> None:
        auth = AuthSettings(read_tokens=("look",), write_tokens=("change",))
        client = create_app(settings.model_copy(update={"auth": auth}), json_store, clock).test_client()
        for token, offered in (("look", False), ("change", True)):
            page = client.get("/ui/jobs/monitor-check", headers={"Authorization": f"Bearer {token}"})
            assert ("Run now" in text_of(page)) == offered
