"""The report's HTML: whole in itself, escaped whatever names clients choose, and with words for what is missing."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

from ml_core.plots import Shares
from ml_core.records import Model
from ml_monitor.monitoring.results import Undefined
from ml_monitor.report.alerts import PeriodAlert
from ml_monitor.report.columns import DriftedColumn
from ml_monitor.report.data import DataLine
from ml_monitor.report.forecasts import ForecastLine
from ml_monitor.report.metrics import MetricLine
from ml_monitor.report.periods import period_before
from ml_monitor.report.reading import ModelReport
from ml_monitor.report.rendering import Report, compose, to_html, to_text
from ml_monitor.results.results_store import Result
from tests.factories import NOON, a_model

EVIL = '<script>alert("1")</script>$x^2$\n&'
DAY = timedelta(days=1)
PERIOD = period_before("week", NOON)


class Parsed(HTMLParser):
    """What a page refers to, which tags it has and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.alts: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "srcset", "background"):
                self.addresses.append(value or "")
            if name == "alt":
                self.alts.append(value or "")
            assert not name.startswith("on")

    def handle_data(self, data: str) -> None:
        self.text += data


def a_metric(**changes: object) -> MetricLine:
    values: dict[str, object] = {
        "title": "ROC AUC",
        "name": "roc_auc",
        "is_estimate": False,
        "is_headline": True,
        "value": 0.8123,
        "before": None,
        "worst": 0.7,
        "lower": 0.75,
        "upper": None,
        "beyond": 2,
        "judged": 7,
    }
    return MetricLine(**values | changes)  # type: ignore[arg-type]


def a_report(name: str = "fraud", *, full: bool = True, is_bad: bool = True) -> ModelReport:
    model: Model = a_model(name, title=EVIL, task="binary", headline_metric="roc_auc")
    start = PERIOD.start
    values = (0.8, 0.7, Undefined("no ground truth"))
    headline = [
        Result("day", "performance", "roc_auc", "", "", start + day * DAY, start + (day + 1) * DAY, 10, value, 0.01)
        for day, value in enumerate(values)
    ]
    numbers = Shares((0.0, 1.0, 2.0), (0.5, 0.5), (0.1, 0.9))
    labels = Shares((EVIL, "other"), (0.5, 0.5), (0.1, 0.9))
    nothing = DataLine(0, 0, (), None, None, None)
    data = DataLine(700, 650, tuple((start + day * DAY, 100) for day in range(7)), 0.913, 7200.0, NOON)
    drifted = (
        DriftedColumn(EVIL, "kolmogorov_smirnov", 0.58, 1e-9, 5, 7, start, f"{EVIL}: 1 to 2", labels),
        DriftedColumn("income", "kolmogorov_smirnov", None, None, 5, 7, start, "median 3 to 4", numbers),
        DriftedColumn("bare", "chi_squared", 2.0, None, 1, 7, start),
    )
    times = tuple(start + hour * timedelta(hours=1) for hour in range(3))
    forecast = ForecastLine(EVIL, 3, 2, (("MAE", 0.5, None),), times, (1.0, 2.0, 3.0), (1.0, None, 2.0))
    alert = PeriodAlert("ab", "critical", "drift", EVIL, EVIL, "firing", start, start + DAY, None, 0.6, None, EVIL)
    return ModelReport(
        model=model,
        verdict=f"Drift of {EVIL}.",
        is_bad=is_bad,
        is_checked=full,
        metrics=(a_metric(), a_metric(name="f1", title="F1", is_headline=False, judged=0, beyond=0, lower=None)),
        headline={"performance": headline, "estimate": []},
        drifted=drifted if full else (),
        drifted_total=20 if full else 0,
        columns_judged=30 if full else 0,
        alerts=(alert,) if full else (),
        forecasts=(forecast,) if full else (),
        data=data if full else nothing,
    )


def parsed(report: Report) -> Parsed:
    return Parsed(to_html(report))


def test_everything_lies_in_the_one_file() -> None:
    page = parsed(compose([a_report()], PERIOD, NOON))
    assert len(page.addresses) == 5  # the headline, two columns, a forecast, and the data
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe", "form"} & set(page.tags)
    assert len(page.alts) == len(page.addresses)
    assert all(page.alts)


def test_names_that_clients_chose_are_shown_and_never_run() -> None:
    html = to_html(compose([a_report()], PERIOD, NOON))
    assert "<script" not in html
    assert EVIL in Parsed(html).text


def test_on_a_phone_a_table_scrolls_and_not_the_page() -> None:
    html = to_html(compose([a_report()], PERIOD, NOON))
    assert html.count("<table") == html.count('<div style="overflow-x:auto"><table') > 0
    assert "overflow-wrap:anywhere" in html  # a long name


def test_it_says_what_each_part_found() -> None:
    text = parsed(compose([a_report()], PERIOD, NOON)).text
    for said in (
        "report of the week to 19 Nov 2026",
        "13 Nov 00:00 to 20 Nov 00:00 UTC",
        "at least 0.7500",
        "✖ beyond, 2 of 7",
        "1 more, that no rule judges",
        "20 of 30 columns drifted; the 3 worst are shown",
        "median 3 to 4, since 13 Nov",
        "3 steps, 2 of them measured since",
        "700 predictions, 650 in the week before.",
        "Truth has come for 91.3 % of them, typically 2 h after the prediction.",
    ):
        assert said in " ".join(text.split()), said


def test_what_is_missing_is_said_in_words() -> None:
    report = a_report(full=False, is_bad=False)
    empty = ModelReport(**{name: getattr(report, name) for name in report.__slots__} | {"metrics": (), "headline": {}})
    text = " ".join(parsed(compose([empty], PERIOD, NOON)).text.split())
    for said in (
        "No check has measured this model yet.",
        "No column was judged: that takes a reference, and a check.",
        "No alert fired in this period.",
        "How much truth has come was not measured.",
    ):
        assert said in text, said


def test_several_models_share_a_page_the_bad_ones_first() -> None:
    report = compose([a_report("calm", is_bad=False), a_report("worst"), a_report("bad")], PERIOD, NOON)
    assert [each.model.name for each in report.models] == ["bad", "worst", "calm"]
    assert report.title == "bad, worst, calm: report of the week to 19 Nov 2026"
    assert len(report.pictures) == 15
    many = compose([a_report(f"m{number}", full=False) for number in range(5)], PERIOD, NOON)
    assert many.title.startswith("m0, m1, m2 and 2 more: ")


def test_programs_without_html_get_the_verdicts() -> None:
    text = to_text(compose([a_report("fraud")], PERIOD, NOON))
    assert text.startswith("fraud: report of the week to 19 Nov 2026\n")
    assert f"Drift of {EVIL}." in text
