"""The channels by which alerts are told, mail and webhook, and how each of them fares.

What became of the last attempt is a document, so that a channel that takes nothing is seen where the others are
looked at: ``GET /channels`` and ``/metrics``. What sends is imported when something is sent: a web process, which only
tells of channels, does without the libraries behind it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from ml_core.clock import format_time
from ml_core.errors import ConfigurationError, DeliveryFailed
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_monitor.alerting.messages import Message
from ml_monitor.alerting.rules import Channel

log = logging.getLogger(__name__)
KIND = "channels"
CHANNELS: tuple[Channel, ...] = get_args(Channel)
PATIENCE_SECONDS = 60.0
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel fares: ok or failing since when, by its last attempt. Times are ISO 8601."""

    channel: Channel
    state: Literal["ok", "failing"]
    since_time: str
    last_success_time: str | None = None
    last_error: str | None = None
    last_error_time: str | None = None


def set_up_channels(settings: Settings) -> tuple[Channel, ...]:
    """Return the channels that the settings name a receiver for."""
    is_set = {
        "mail": bool(settings.mail.host),
        "webhook": bool(settings.webhook.url and settings.webhook.url.get_secret_value()),
    }
    return tuple(channel for channel in CHANNELS if is_set[channel])


def list_channels(store: Store) -> list[ChannelState]:
    """Return the channels that were tried, by name."""
    return [ChannelState(**document.content) for document in store.list_documents(KIND)]


class Sender:
    """Sends messages by the channels that are set up, and remembers how each fared.

    A channel whose failures have taken ``patience_seconds`` altogether is not tried again by this sender: a server
    that lets each call wait until it times out would otherwise hold up all that is behind it.
    """

    def __init__(self, settings: Settings, now: datetime, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.settings = settings
        self.now = now
        self.channels = set_up_channels(settings)
        self._left_seconds = dict.fromkeys(self.channels, patience_seconds)
        self._last: dict[Channel, str | None] = {}
        self._succeeded: set[Channel] = set()

    def send(self, channel: Channel, message: Message, pictures: Mapping[str, bytes]) -> str | None:
        """Return None if the channel took the message, else why not."""
        if self._left_seconds[channel] <= 0:
            return f"not tried again after: {self._last[channel]}"
        started = time.monotonic()
        try:
            if channel == "mail":
                self._mail(message, pictures)
            else:
                self._post(message)
        except (DeliveryFailed, ConfigurationError) as error:
            self._left_seconds[channel] -= time.monotonic() - started
            log.error("%s: %s", channel, error.message)
            self._last[channel] = error.message
            return error.message
        self._last[channel] = None
        self._succeeded.add(channel)
        return None

    def save(self, store: Store) -> None:
        """Keep how each channel fared; one that is no longer set up is forgotten, and one that was not tried kept."""
        for channel in CHANNELS:
            if channel not in self.channels:
                _forget(store, channel)
            elif channel in self._last:
                self._save(store, channel)

    def _mail(self, message: Message, pictures: Mapping[str, bytes]) -> None:
        settings = self.settings.mail
        from ml_core import mail

        mail.send(settings, mail.new_message(settings, message.subject, message.text, self.now, pictures))

    def _post(self, message: Message) -> None:
        settings = self.settings.webhook
        assert settings.url is not None
        content = message.slack() if settings.form == "slack" else message.content
        secret = settings.secret.get_secret_value() if settings.secret else None
        from ml_core import webhook

        webhook.post(settings.url.get_secret_value(), content, self.now, secret=secret)

    def _save(self, store: Store, channel: Channel) -> None:
        for _ in range(_ATTEMPTS):
            document = store.get_document(KIND, channel)
            before = ChannelState(**document.content) if document else None
            revision = document.revision if document else None
            if store.put_document(KIND, channel, asdict(self._after(channel, before)), expected_revision=revision):
                return
        log.warning("how the channel %s fares could not be kept: other processes change it all the time", channel)

    def _after(self, channel: Channel, before: ChannelState | None) -> ChannelState:
        now, error = format_time(self.now), self._last[channel]
        state: Literal["ok", "failing"] = "ok" if error is None else "failing"
        after = before if before and before.state == state else None
        after = after or replace(before or ChannelState(channel, state, now), state=state, since_time=now)
        if channel in self._succeeded:
            after = replace(after, last_success_time=now)
        return after if error is None else replace(after, last_error=error, last_error_time=now)


def _forget(store: Store, channel: Channel) -> None:
    document = store.get_document(KIND, channel)
    if document is not None:
        # If another process writes it at this moment, the next check looks again.
        store.delete_document(KIND, channel, expected_revision=document.revision)
