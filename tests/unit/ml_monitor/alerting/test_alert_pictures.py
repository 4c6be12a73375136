from __future__ import annotations

import pytest

from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.alert_book import Alert
from ml_monitor.alerting.alert_pictures import draw_pictures, results_of
from ml_monitor.alerting.messages import News
from ml_monitor.monitoring.alerts.notifying import due_notifications
from ml_monitor.monitoring.alerts.states import Rule
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.results.results_store import Group, Result, point_of
from tests.factories import NOON, a_point
from tests.unit.ml_monitor.telling import DAY, MODEL, an_alert


def news_of(alert: Alert) -> News:
    (notification,) = due_notifications([(alert.state, Rule())], NOON)
    return News(alert, notification.notices[0])


def measured(store: JsonStore, name: str, *values: Number, group: Group = "performance", column: str = "") -> None:
    """Store a metric's values of as many days, the last of them yesterday."""
    days = [NOON - (len(values) - number) * DAY for number in range(len(values))]
    results = [
        Result("day", group, name, column, "", day, day + DAY, 100, value, standard_error=0.1)
        for day, value in zip(days, values, strict=True)
    ]
    store.put_metric_points([point_of(MODEL, result) for result in results])


def test_the_metric_of_the_alert_is_drawn_per_chunk(json_store: JsonStore) -> None:
    measured(json_store, "mae", 5.0, Undefined("no truth yet"), 12.5)
    measured(json_store, "r2", 0.5)
    pictures = draw_pictures(json_store, [news_of(an_alert())], NOON)
    assert list(pictures) == ["mae of housing_price"]
    assert pictures["mae of housing_price"].startswith(b"\x89PNG")


def values_of(store: JsonStore, alert: Alert) -> list[Number]:
    """Return what is drawn for an alert."""
    return [result.value for result in results_of(store, news_of(alert), NOON)]


def test_of_the_methods_of_a_column_the_one_that_fired_is_drawn(json_store: JsonStore) -> None:
    alert = an_alert(cause="drift", subject="rooms")
    measured(json_store, "jensen_shannon", 0.1, 0.2, group="drift", column="rooms")
    measured(json_store, "psi", 12.5, group="drift", column="another")
    measured(json_store, "wasserstein", 0.3, 12.5, group="drift", column="rooms")
    assert values_of(json_store, alert) == [0.3, 12.5]


def test_a_subject_may_name_both_a_metric_and_a_column_and_the_rule_that_watches_them(json_store: JsonStore) -> None:
    measured(json_store, "missing", 0.1, 12.5, group="quality", column="rooms")
    measured(json_store, "unseen", 12.5, group="quality", column="rooms")
    measured(json_store, "mae", 5.0, 12.5)
    quality = an_alert(cause="quality", subject="missing of rooms", rule="default-quality")
    assert values_of(json_store, quality) == [0.1, 12.5]
    assert values_of(json_store, an_alert(subject="mae by mine", rule="mine")) == [5.0, 12.5]


@pytest.mark.parametrize("column", ["$a$_{b", "two\nlines", "x" * 140, "<b>&"])
def test_any_name_of_a_column_can_be_drawn(json_store: JsonStore, column: str) -> None:
    measured(json_store, "psi", 12.5, group="drift", column=column.replace("\n", " "))
    alert = an_alert(cause="drift", subject=column.replace("\n", " "))
    (title,) = draw_pictures(json_store, [news_of(alert)], NOON)
    assert "\n" not in title


def test_an_ingest_alert_and_one_without_stored_results_have_no_picture(json_store: JsonStore) -> None:
    ingest = an_alert(cause="ingest", subject="spool", model="*")
    assert draw_pictures(json_store, [news_of(ingest), news_of(an_alert())], NOON) == {}


def test_a_mail_holds_few_pictures_however_many_alerts_there_are(json_store: JsonStore) -> None:
    alerts = []
    for number in range(6):
        measured(json_store, "psi", 12.5, group="drift", column=f"c{number}")
        alerts.append(news_of(an_alert(cause="drift", subject=f"c{number}")))
    assert len(draw_pictures(json_store, alerts, NOON)) == 4


def test_of_a_metric_that_others_write_its_points_are_drawn(json_store: JsonStore) -> None:
    alert = an_alert(cause="metric", subject="overload by mine", rule="mine", segment="web")
    for number, (segment, value) in enumerate((("web", 5.0), ("db", 7.0), ("web", 12.5))):
        point = a_point(
            NOON - (3 - number) * DAY, model=MODEL, metric="overload", segment=segment, count=1, total=value
        )
        json_store.put_metric_points([point])
    assert values_of(json_store, alert) == [5.0, 12.5]
    assert list(draw_pictures(json_store, [news_of(alert)], NOON)) == ["overload by mine of housing_price, segment web"]
