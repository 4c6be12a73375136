"""Writes a report as HTML: whole in one file, or with its pictures as parts of a mail."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml_monitor import formatting
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.report.periods import Period
from ml_monitor.report.pictures import Pictures, draw
from ml_monitor.report.reading import ModelReport

_TEMPLATES = Path(__file__).parent.parent / "templates"
_FILTERS = (
    *(formatting.show_number, formatting.show_share, formatting.show_start, formatting.show_time),
    *(formatting.show_duration, formatting.shorten),
)
Source = Callable[[str], str]
"""Returns the address of a picture by its name."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report on models, worst first, with the pictures of all: ``<number of the model>-<name>``."""

    period: Period
    made_time: datetime
    models: tuple[ModelReport, ...]
    pictures: Pictures

    @property
    def title(self) -> str:
        """One line that names the models and the period."""
        names = ", ".join(report.model.name for report in self.models[:3])
        more = f" and {len(self.models) - 3} more" if len(self.models) > 3 else ""
        return f"{names}{more}: report of the {self.period.name} to {self.period.last_day:%d %b %Y}"


def compose(models: Sequence[ModelReport], period: Period, made_time: datetime) -> Report:
    """Return the report on models with its pictures drawn; those of which something fires come first."""
    ordered = sorted(models, key=lambda report: (not report.is_bad, report.model.name))
    pictures = {f"{number}-{name}": png for number, report in enumerate(ordered) for name, png in draw(report).items()}
    return Report(period, made_time, tuple(ordered), pictures)


def to_html(report: Report, source: Source | None = None) -> str:
    """Return the report as one page, its pictures inside unless ``source`` names another place for them."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {each.__name__: each for each in _FILTERS}
    return environment.get_template("report.html").render(
        report=report, now=report.made_time, picture=source or _inside(report.pictures), note=CONCEPT_DRIFT_NOTE
    )


def to_text(report: Report) -> str:
    """Return what the report says in a few lines: for mail programs that show no HTML."""
    lines = [report.title, ""]
    for each in report.models:
        lines += [f"{each.model.title} ({each.model.name})", each.verdict, ""]
    return "\n".join(lines)


def _inside(pictures: Mapping[str, bytes]) -> Source:
    return lambda name: f"data:image/png;base64,{base64.b64encode(pictures[name]).decode()}"
