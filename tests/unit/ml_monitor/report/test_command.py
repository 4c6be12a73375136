"""``python -m ml_monitor report`` on a store of its own, with a real mail server, and as cron calls it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_monitor.check import check_all
from ml_monitor.report.command import report
from tests.factories import a_prediction
from tests.receivers import MailServer
from tests.worlds import DAY, FIRST_DAY, World, add_fraud, record_day

AS_OF = FIRST_DAY + 3 * DAY + timedelta(hours=2)
Run = Callable[..., Result]


@pytest.fixture
def run(registry: Registry, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    add_fraud(registry)
    for day in range(3):
        record_day(registry, day, World(swapped=day > 0))
    check_all(Registry(registry.store, registry.artifacts_root, FixedClock(AS_OF)), settings)
    monkeypatch.setenv("ML_STORE_URL", settings.store_url.get_secret_value())
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", settings.artifacts_folder)
    return lambda *arguments: CliRunner().invoke(report, [str(argument) for argument in arguments])


def test_a_report_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    result = run("--model", "fraud", "--as-of", AS_OF.isoformat(), "--to", path)
    assert result.exit_code == 0, result.output
    assert f"wrote {path}" in result.output
    html = path.read_text()
    assert html.lstrip().startswith("<!doctype html>")
    assert "Performance is below its threshold since 11 Nov" in html
    assert html.count("data:image/png;base64,") >= 2


def test_a_mail_has_it_as_text_as_html_with_pictures_inside_and_as_a_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MailServer() as server:
        for name, value in (
            ("HOST", "127.0.0.1"),
            ("PORT", str(server.port)),
            ("SECURITY", "none"),
            ("SENDER", "suite@example.org"),
            ("RECIPIENTS", "ops@example.org"),
        ):
            monkeypatch.setenv(f"ML_MAIL__{name}", value)
        result = run("--model", "fraud", "--as-of", AS_OF.isoformat(), "--mail")
        assert result.exit_code == 0, result.output
        assert "sent to ops@example.org" in result.output
    (mail,) = server.mails
    assert mail["Subject"] == "fraud: report of the week to 12 Nov 2026"
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert "Performance is below its threshold" in text.get_content()
    assert html is not None
    assert "data:" not in html.get_content().split("<body", 1)[1]
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == html.get_content().count('src="cid:') >= 2
    for part in pictures:
        assert f'src="cid:{part["Content-ID"][1:-1]}"' in html.get_content()
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "report-week-2026-11-12.html"
    assert "data:image/png;base64," in attached.get_content()


def test_without_a_mail_server_it_says_what_is_to_be_set(run: Run) -> None:
    result = run("--mail")
    assert result.exit_code == 1
    assert "error: mail: host, sender and recipients are needed" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "fraud"], 2, "say where to: --to FILE, --mail, or both"),
        (["--to", "x.html", "--period", "year"], 2, "'year' is not one of"),
        (["--to", "x.html", "--as-of", "noon"], 2, "expected an ISO 8601 time"),
        (["--to", "x.html", "--as-of", "2026-11-20T12:00:00Z", "--scheduled"], 2, "leave --as-of out"),
        (["--to", "/nowhere/x.html"], 1, "cannot write /nowhere/x.html: No such file or directory"),
        (["--to", "x.html", "--model", "unknown"], 1, "no model 'unknown' is registered"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run: Run, arguments: list[str], code: int, said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert said in result.output
    assert not Path("x.html").exists()


def test_cron_gets_a_period_once(run: Run, registry: Registry, tmp_path: Path) -> None:
    registry.store.record_predictions("fraud", [a_prediction()])
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    for path in (first, second):
        assert run("--to", path, "--scheduled").exit_code == 0
    assert first.exists()
    assert not second.exists()
    (made,) = registry.store.list_runs("monitor-report-week", newest=5)
    assert (made.state, made.slot.weekday(), made.slot.hour) == ("done", 0, 5)
    assert made.message is not None
    assert f"wrote {first}" in made.message
    assert run("--to", second, "--scheduled", "--period", "day").exit_code == 0
    assert second.exists()


def test_a_store_without_models_has_nothing_to_report_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ML_STORE_URL", settings.store_url.get_secret_value())
    result = CliRunner().invoke(report, ["--to", str(tmp_path / "x.html")])
    assert result.exit_code == 1
    assert "no model is registered" in result.output
