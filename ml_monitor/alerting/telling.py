"""Tells people of alerts: what is due goes out by every channel that is set up and that the alert's rule names.

A notice is marked as told before it is sent, by compare and set, and the mark is taken back if no channel took it. So
of two checks at once only one sends it, and a channel that is down delays a notice until the next check. The other
order would send twice whenever two checks meet. The price: if the process is killed between the two, a firing alert is
told only when it is due to be repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_monitor.alerting.alert_book import Alert, Book, action_line, change_book, list_alerts
from ml_monitor.alerting.alert_pictures import draw_pictures
from ml_monitor.alerting.channels import Sender
from ml_monitor.alerting.messages import News, compose
from ml_monitor.alerting.rules import AlertRule, Channel
from ml_monitor.monitoring.alerts.notifying import Notice, due_notifications, mark_told
from ml_monitor.monitoring.alerts.states import Cause, Rule

log = logging.getLogger(__name__)
Pictures = Callable[[Store, Sequence[News], datetime], Mapping[str, bytes]]
_TELLER = "check"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the news of one model and cause: which channels took them, and why others did not."""

    model: str
    cause: Cause
    news: tuple[News, ...]
    taken_by: tuple[Channel, ...] = ()
    errors: Mapping[Channel, str] = field(default_factory=dict)


def send_due(
    store: Store,
    rules: Sequence[AlertRule],
    settings: Settings,
    now: datetime,
    pictures: Pictures = draw_pictures,
) -> list[Delivery]:
    """Send what is due at ``now``, and return what became of it.

    A notice is told if one of its channels took it, or if none of them is set up; else it is due again at the next
    check. Raises ``StoreUnavailable``; a channel that fails is logged and kept in its document.
    """
    by_name = {rule.name: rule for rule in rules}
    sender = Sender(settings, now)
    deliveries = []
    for news in _due(list_alerts(store), by_name, now):
        delivery = _tell(store, by_name, sender, news, pictures)
        if delivery.news:
            deliveries.append(delivery)
    sender.save(store)
    return deliveries


def _due(alerts: Sequence[Alert], rules: Mapping[str, AlertRule], now: datetime) -> list[list[News]]:
    """Return the news that are due, those of one model and cause together."""
    due = due_notifications(((alert.state, _counts(alert, rules)) for alert in alerts), now)
    # A notice does not say which rule's alert it is of. What an alert alone would tell is told if nothing inhibits it,
    # and what inhibits goes by the key, which is the same for all alerts that could have the same notice.
    news: dict[Notice, list[News]] = {}
    for alert in alerts:
        notice = _notice(alert, rules, now)
        if notice is not None:
            news.setdefault(notice, []).append(News(alert, notice))
    return [[each for notice in dict.fromkeys(notification.notices) for each in news[notice]] for notification in due]


def _tell(
    store: Store, rules: Mapping[str, AlertRule], sender: Sender, due: Sequence[News], pictures: Pictures
) -> Delivery:
    key, now = due[0].notice.key, sender.now
    by_channel = {
        channel: [each for each in due if channel in _channels(each.alert, rules)] for channel in sender.channels
    }
    drawn = _drawn(store, by_channel.get("mail", []), now, pictures)
    claimed = _claim(store, rules, due, now)
    errors: dict[Channel, str] = {}
    taken: dict[str, list[Channel]] = {each.alert.alert_id: [] for each in claimed}
    try:
        for channel, wanted in by_channel.items():
            told = [each for each in wanted if each.alert.alert_id in taken]
            if not told:
                continue
            error = sender.send(channel, compose(told, now), drawn if channel == "mail" else {})
            if error is not None:
                errors[channel] = error
                continue
            for each in told:
                taken[each.alert.alert_id].append(channel)
    finally:  # also after an error that nobody foresaw: what no channel took is due again
        addressed = {each.alert.alert_id for wanted in by_channel.values() for each in wanted}
        lost = {alert_id for alert_id in addressed if not taken.get(alert_id)}
        _settle(store, claimed, taken, lost, now)
    used = tuple(channel for channel in sender.channels if any(channel in channels for channels in taken.values()))
    return Delivery(key.model, key.cause, tuple(claimed), used, errors)


def _claim(store: Store, rules: Mapping[str, AlertRule], due: Sequence[News], now: datetime) -> list[News]:
    """Mark the news as told, and return those that are still as they were read."""
    claimed: list[News] = []

    def mark(book: Book) -> Book:
        claimed.clear()
        after = dict(book)
        for each in due:
            alert = book.get(each.alert.alert_id)
            # Another check has told it, or somebody has acknowledged it, meanwhile.
            if alert is not None and _notice(alert, rules, now) == each.notice:
                after[alert.alert_id] = replace(alert, state=mark_told(alert.state, each.notice, now))
                claimed.append(each)
        return after

    change_book(store, due[0].notice.key.model, mark)
    return claimed


def _settle(
    store: Store, claimed: Sequence[News], taken: Mapping[str, Sequence[Channel]], lost: set[str], now: datetime
) -> None:
    """Write into each history by what it was told; take the mark back from those that nobody took."""
    if not claimed:
        return

    def settle(book: Book) -> Book:
        after = dict(book)
        for each in claimed:
            alert = book.get(each.alert.alert_id)
            if alert is None:
                continue
            if alert.alert_id in lost:
                mine = mark_told(each.alert.state, each.notice, now).told
                if alert.state.told == mine:
                    state = replace(alert.state, told=each.alert.state.told)
                    after[alert.alert_id] = replace(alert, state=state)
                continue
            by = " and ".join(taken[alert.alert_id]) or "no channel, since none of the rule's is set up"
            line = action_line(now, "told", _TELLER, f"{each.notice.kind}, by {by}")
            after[alert.alert_id] = alert.after(alert.state, line)
        return after

    change_book(store, claimed[0].notice.key.model, settle)


def _drawn(store: Store, news: Sequence[News], now: datetime, pictures: Pictures) -> Mapping[str, bytes]:
    try:
        return pictures(store, news, now) if news else {}
    except ValueError:
        # A mail without its picture is better than none.
        log.exception("the picture of %s could not be drawn", news[0].alert.alert_id)
        return {}


def _notice(alert: Alert, rules: Mapping[str, AlertRule], now: datetime) -> Notice | None:
    """Return what an alert would tell if it were the only one."""
    due = due_notifications([(alert.state, _counts(alert, rules))], now)
    return due[0].notices[0] if due else None


def _counts(alert: Alert, rules: Mapping[str, AlertRule]) -> Rule:
    rule = rules.get(alert.rule)
    return Rule() if rule is None else rule.counts


def _channels(alert: Alert, rules: Mapping[str, AlertRule]) -> Sequence[Channel]:
    rule = rules.get(alert.rule)
    return ("mail", "webhook") if rule is None else rule.channels
