"""Mail by a real SMTP server: with and without TLS and login, with a picture inside, and each way to fail."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from ml_core.errors import ConfigurationError, DeliveryFailed
from ml_core.mail import new_message, send
from ml_core.settings import MailSettings
from tests.factories import NOON
from tests.receivers import MailServer

PNG = b"\x89PNG\r\n\x1a\n not really a picture"


def settings_for(server: MailServer, **changes: Any) -> MailSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "sender": "suite@example.org",
        "recipients": ("ops@example.org", "ml@example.org"),
    }
    return MailSettings(**values | changes)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_mail_arrives_with_its_text_and_its_picture_inside() -> None:
    with MailServer() as server:
        settings = settings_for(server)
        send(settings, new_message(settings, "Drift of »rooms«", "3 of 4 <chunks>", NOON, {"rooms": PNG}))
    (mail,) = server.mails
    assert mail["Subject"] == "Drift of »rooms«"
    assert mail["To"] == "ops@example.org, ml@example.org"
    assert mail["Date"].datetime == NOON
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == "3 of 4 <chunks>"
    assert "3 of 4 &lt;chunks&gt;" in html.get_content()
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content() == PNG
    assert f"cid:{picture['Content-ID'][1:-1]}" in html.get_content()


def test_nothing_in_a_subject_adds_a_header() -> None:
    with MailServer() as server:
        settings = settings_for(server)
        send(settings, new_message(settings, "model x\r\nBcc: thief@example.org", "text", NOON))
    (mail,) = server.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "model x Bcc: thief@example.org"


def test_starttls_and_a_login_are_used(server_tls: ssl.SSLContext, ca_file: str) -> None:
    with MailServer(starttls=server_tls, login="suite:secret") as server:
        settings = settings_for(
            server, security="starttls", ca_file=ca_file, username="suite", password=SecretStr("secret")
        )
        send(settings, new_message(settings, "s", "t", NOON))
    assert len(server.mails) == 1


def test_tls_from_the_first_byte(server_tls: ssl.SSLContext, ca_file: str) -> None:
    with MailServer(tls=server_tls) as server:
        settings = settings_for(server, security="tls", ca_file=ca_file)
        send(settings, new_message(settings, "s", "t", NOON))
    assert len(server.mails) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(server_tls: ssl.SSLContext) -> None:
    with MailServer(starttls=server_tls) as server:
        settings = settings_for(server, security="starttls")
        with pytest.raises(DeliveryFailed, match="certificate"):
            send(settings, new_message(settings, "s", "t", NOON))
    assert server.mails == []


def test_a_server_without_starttls_gets_no_mail_in_the_clear() -> None:
    with MailServer() as server:
        settings = settings_for(server, security="starttls")
        with pytest.raises(DeliveryFailed, match="STARTTLS"):
            send(settings, new_message(settings, "s", "t", NOON))
    assert server.mails == []


def test_a_wrong_password_is_named_without_being_shown(server_tls: ssl.SSLContext, ca_file: str) -> None:
    with MailServer(starttls=server_tls, login="suite:right") as server:
        settings = settings_for(
            server, security="starttls", ca_file=ca_file, username="suite", password=SecretStr("wrong")
        )
        with pytest.raises(DeliveryFailed, match="username and password") as caught:
            send(settings, new_message(settings, "s", "t", NOON))
    assert "wrong" not in caught.value.message


def test_recipients_that_are_refused_are_named() -> None:
    with MailServer() as server:
        server.refused = {"ops@example.org"}
        settings = settings_for(server)
        with pytest.raises(DeliveryFailed, match=r"refused for ops@example\.org"):
            send(settings, new_message(settings, "s", "t", NOON))
        assert len(server.mails) == 1  # the other recipient's
        settings = settings_for(server, recipients=("ops@example.org",))
        with pytest.raises(DeliveryFailed, match=r"refused for ops@example\.org"):
            send(settings, new_message(settings, "s", "t", NOON))


def test_a_server_that_is_away_is_named() -> None:
    server = MailServer()
    with pytest.raises(DeliveryFailed, match=rf"127\.0\.0\.1:{server.port} failed"):
        send(settings_for(server), new_message(settings_for(server), "s", "t", NOON))


@pytest.mark.parametrize("missing", ["host", "sender", "recipients"])
def test_mail_that_is_not_set_up_says_what_is_needed(missing: str) -> None:
    settings = settings_for(MailServer(), **{missing: () if missing == "recipients" else ""})
    with pytest.raises(ConfigurationError, match="host, sender and recipients"):
        send(settings, new_message(settings, "s", "t", NOON))
