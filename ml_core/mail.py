"""Sends mail by SMTP: text, a picture inside, over TLS where the settings say so."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from html import escape

from ml_core.errors import ConfigurationError, DeliveryFailed
from ml_core.settings import MailSettings


def new_message(
    settings: MailSettings, subject: str, text: str, now: datetime, pictures: Mapping[str, bytes] | None = None
) -> EmailMessage:
    """Return a mail with ``text``, which programs that show HTML show with the ``pictures`` (PNG, by title) below.

    A subject is one line: what else it holds is joined by blanks, so that nothing in it can add a header.
    """
    message = _with_headers(settings, subject, text, now)
    if pictures:

        def html_of(source: Callable[[str], str]) -> str:
            shown = "".join(f'<p><img src="{source(title)}" alt="{escape(title)}"></p>' for title in pictures)
            return f"<pre>{escape(text)}</pre>{shown}"

        _add_html(message, html_of, pictures)
    return message


def new_html_message(
    settings: MailSettings,
    subject: str,
    text: str,
    now: datetime,
    *,
    html_of: Callable[[Callable[[str], str]], str],
    pictures: Mapping[str, bytes],
    attachment: tuple[str, str] | None = None,
) -> EmailMessage:
    """Return a mail with ``text``, which programs that show HTML show as what ``html_of`` makes.

    ``html_of`` is given a function that tells the address of each of the ``pictures`` (PNG, by name) within the mail.
    An ``attachment`` is a file of HTML by its name.
    """
    message = _with_headers(settings, subject, text, now)
    _add_html(message, html_of, pictures)
    if attachment is not None:
        name, content = attachment
        message.add_attachment(content, subtype="html", filename=name)
    return message


def _with_headers(settings: MailSettings, subject: str, text: str, now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = settings.sender
    if settings.recipients:
        message["To"] = ", ".join(settings.recipients)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def _add_html(
    message: EmailMessage, html_of: Callable[[Callable[[str], str]], str], pictures: Mapping[str, bytes]
) -> None:
    ids = {name: make_msgid() for name in pictures}
    message.add_alternative(html_of(lambda name: f"cid:{ids[name][1:-1]}"), subtype="html")
    body = message.get_payload()[1]  # type: ignore[index]
    for name, png in pictures.items():
        body.add_related(png, "image", "png", cid=ids[name], filename=f"{name}.png")  # type: ignore[union-attr]


def send(settings: MailSettings, message: EmailMessage) -> None:
    """Hand a mail to the server of the settings; raise ``DeliveryFailed``, or ``ConfigurationError`` if none is set."""
    if not (settings.host and settings.sender and settings.recipients):
        raise ConfigurationError("mail: host, sender and recipients are needed to send mail")
    try:
        with _connect(settings) as server:
            if settings.username is not None and settings.password is not None:
                server.login(settings.username, settings.password.get_secret_value())
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"mail by {settings.host}:{settings.port} failed: {_reason(error)}") from None
    if refused:
        raise DeliveryFailed(f"mail by {settings.host}: refused for {', '.join(sorted(refused))}")


def _connect(settings: MailSettings) -> smtplib.SMTP:
    # Certificates are checked, by the authorities of the system or of the file in the settings.
    if settings.security == "tls":
        return smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=settings.timeout_seconds, context=_context(settings)
        )
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
    if settings.security == "starttls":
        try:
            server.starttls(context=_context(settings))
        except BaseException:
            server.close()
            raise
    return server


def _context(settings: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the server does not take this username and password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{error}"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"the server said {error.smtp_code} {said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused for {', '.join(sorted(error.recipients))}"
    return str(error) or type(error).__name__
