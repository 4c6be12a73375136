"""The report: a mail with a picture and the scores, to a real mail server."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from cloudwatch_engine.cycle import report_job
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.predictions import read_predictions, read_trial
from cloudwatch_engine.report import describe, mail_settings, report
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.clock import FixedClock
from ml_core.errors import DeliveryFailed
from ml_core.jobs.runner import ExitCode, run_job
from ml_core.settings import MailSettings
from tests.receivers import MailServer


def with_mail(engine: Engine, port: int, recipients: tuple[str, ...] = ("team@monitor.example",)) -> Engine:
    mail = MailSettings(
        host="127.0.0.1", port=port, security="none", sender="engine@monitor.example", recipients=recipients
    )
    return Engine(engine.settings.model_copy(update={"mail": mail}), engine.registry, engine.config)


def picture_of(mail: EmailMessage) -> bytes:
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    return bytes(picture.get_content())


def test_it_brings_a_picture_and_the_scores_of_all_models(trained: Engine, tmp_path: Path) -> None:
    with MailServer() as server:
        assert report(with_mail(trained, server.port)) == "sent to team@monitor.example"
    (mail,) = server.mails
    assert mail["Subject"] == "CPU forecast of 1 instance: no overload expected"
    text = mail.get_body(("plain",))
    assert text is not None
    content = text.get_content()
    assert f"{INSTANCE}: forecast by naive (version 1)" in content
    assert "P(CPU above 80 %)" in content
    assert "* last value" in content
    assert "  yesterday" in content
    assert content.count("MAE") == 2
    path = tmp_path / "picture.png"
    path.write_bytes(picture_of(mail))
    with Image.open(path) as image:
        assert image.size == (900, 360)


def test_an_expected_overload_is_the_subject(trained: Engine) -> None:
    outlook = read_predictions(trained, INSTANCE)
    outlook["overload"] |= {"is_warned": True, "expected_crossing_time": "2026-11-20T12:10:00Z"}
    assert "first at about 2026-11-20T12:10:00Z" in describe(outlook, read_trial(trained, INSTANCE))


def test_a_stale_forecast_is_called_so(trained: Engine, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=5))
    text = describe(read_predictions(trained, INSTANCE), read_trial(trained, INSTANCE))
    assert "STALE: issued 5 h ago" in text


def test_a_model_that_could_not_be_tried_is_listed_with_its_reason(trained: Engine) -> None:
    trial = dict(read_trial(trained, INSTANCE))
    trial["models"] = [trial["models"][0] | {"scores": None, "reason": "it needs more points"}]
    assert "not tried: it needs more points" in describe(read_predictions(trained, INSTANCE), trial)


def test_without_a_mail_server_or_a_forecast_nothing_is_sent_and_it_says_so(engine: Engine) -> None:
    assert report(engine) == "nothing sent: no mail server is set (mail.host)"
    assert report(with_mail(engine, 9)) == "nothing sent: no forecast was made yet"


def test_the_address_of_the_old_config_is_used_if_nobody_else_is_named(engine: Engine) -> None:
    config = SeedConfig(TO_ADDRESS="old@monitor.example")
    for recipients, expected in ((), ("old@monitor.example",)), (("new@monitor.example",), ("new@monitor.example",)):
        named = with_mail(engine, 25, recipients)
        assert mail_settings(Engine(named.settings, named.registry, config)).recipients == expected


def test_a_mail_server_that_is_down_fails_the_run_and_the_next_run_sends(trained: Engine, clock: FixedClock) -> None:
    server = MailServer()
    engine = with_mail(trained, server.port)
    with pytest.raises(DeliveryFailed, match="Connection refused"):
        report(engine)
    assert run_job(report_job(engine), engine.store, clock) == ExitCode.FAILED
    (run,) = engine.store.list_runs("cloudwatch-report", newest=5)
    assert "Connection refused" in (run.message or "")
    with server:
        clock.advance(timedelta(minutes=5))
        assert run_job(report_job(engine), engine.store, clock) == ExitCode.DONE
        assert run_job(report_job(engine), engine.store, clock) == ExitCode.DONE  # its slot is done: no second mail
    assert len(server.mails) == 1
