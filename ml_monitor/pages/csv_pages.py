"""The tables of the overview, the model page and the drift pages as CSV, unrounded."""

from __future__ import annotations

from collections.abc import Iterable

from ml_monitor.pages.column_reader import ColumnPage
from ml_monitor.pages.csv_files import table_csv
from ml_monitor.pages.drift_reader import DriftPage
from ml_monitor.pages.outcomes_reader import OutcomesShown
from ml_monitor.pages.overview_reader import ModelRow
from ml_monitor.pages.performance_reader import Performance
from ml_monitor.pages.points import Point
from ml_monitor.pages.quality_reader import QualityShown
from ml_monitor.pages.shares import SharesShown
from ml_monitor.pages.stories import Story, change_words


def models_csv(models: Iterable[ModelRow]) -> str:
    """Return a line for each model of the overview."""
    return table_csv(
        (
            *("model", "title", "state", "since", "changed_column", "change", "metric", "value", "estimate"),
            *("drifted_columns", "columns", "truth_coverage", "last_prediction", "firing_alerts"),
        ),
        (
            (
                *(model.name, model.title, model.state, model.since_time),
                *((model.story.column or "", change_words(model.story.change)) if model.story else ("", "")),
                *((model.headline.metric, model.headline.value) if model.headline else ("", None)),
                *(model.glance.estimate, model.glance.drifted, model.glance.columns, model.glance.coverage),
                *(model.last_prediction_time, len(model.alerts)),
            )
            for model in models
        ),
    )


def performance_csv(shown: Performance | None) -> str:
    """Return a line for each chunk of the chosen metric; the header alone for None."""
    header = (
        *("start", "end", "metric", "truth_coverage", "realised", "realised_error", "realised_rows"),
        *("estimated", "estimated_error", "lower", "upper", "state"),
    )
    if shown is None:
        return table_csv(header, ())
    rows = []
    for chunk in shown.chunks:
        judged = chunk.judged
        realised, estimated = _numbers(chunk.realised), _numbers(chunk.estimated)
        rows.append(
            (
                *(chunk.start, chunk.end, shown.metric, chunk.coverage),
                *(*realised, chunk.realised.rows if chunk.realised else 0, *estimated),
                *((judged.lower, judged.upper, judged.state) if judged else (None, None, "")),
            )
        )
    return table_csv(header, rows)


def outcomes_csv(shown: OutcomesShown | None) -> str:
    """Return the cells of the confusion matrix, the bins of the calibration, the bars of the residuals, one a line."""
    header = ("part", "true_or_from", "predicted_or_to", "rows", "share", "reference_share")
    rows: list[tuple[object, ...]] = []
    if shown is not None and shown.confusion is not None:
        labels = shown.confusion.labels
        for row, true in enumerate(labels):
            for column, value in enumerate(labels):
                counts, shares = shown.confusion.counts[row][column], shown.confusion.shares[row][column]
                before = shown.confusion.reference[row][column]
                rows.append(("confusion", true, value, counts, shares, before))
    if shown is not None:
        rows += [
            ("calibration", each.lower, each.upper, each.rows, each.positive_share, each.reference_share)
            for each in shown.calibration
        ]
    if shown is not None and shown.residuals is not None:
        rows += [("residuals", bar.label, "", None, bar.current, bar.reference) for bar in shown.residuals.bars]
    return table_csv(header, rows)


def quality_csv(shown: QualityShown | None) -> str:
    """Return the checks of the newest chunk that are off or above 0, a line for each."""
    lines = (*shown.off, *shown.noted) if shown else ()
    return table_csv(
        ("chunk", "column", "check", "value", "upper", "state"),
        (
            (
                *(shown.start if shown else None, line.column, line.check),
                *(line.point.value, line.point.upper, line.point.state),
            )
            for line in lines
        ),
    )


def drift_csv(page: DriftPage) -> str:
    """Return a line for each column in each chunk."""
    return table_csv(
        ("chunk", "column", "state", "distance", "test", "value", "p_value", "undefined"),
        (
            (
                *(start, row.column, cell.state, cell.distance),
                *(cell.test, cell.value, cell.p_value, cell.undefined or ""),
            )
            for row in page.rows
            for start, cell in zip(page.start_times, row.cells, strict=True)
        ),
    )


def ranking_csv(page: DriftPage) -> str:
    """Return a line for each column in the chosen chunk, worst first."""
    return table_csv(
        ("chunk", "column", "state", "distance", "test", "value", "p_value", "change", "drifted_chunks", "since"),
        (
            (
                *(page.at_time, row.column, row.at.state, row.at.distance, row.at.test),
                *(row.at.value, row.at.p_value, change_words(row.change), row.drifted, row.since),
            )
            for row in page.rows
        ),
    )


def column_csv(page: ColumnPage) -> str:
    """Return a line for each chunk of a column: its statistic, its quantiles or the shares of its labels."""
    labels = tuple(f"share of {label}".replace("\r", " ") for label in page.labels)
    return table_csv(
        (
            *("start", "end", "rows", "state", "method", "value", "p_value", "lower", "upper", "missing"),
            *(labels or ("p5", "p25", "p50", "p75", "p95")),
        ),
        (
            (
                *(chunk.start, chunk.end, chunk.rows, chunk.cell.state, page.method),
                *((chunk.point.value, chunk.point.p_value) if chunk.point else (None, None)),
                *((chunk.point.lower, chunk.point.upper) if chunk.point else (None, None)),
                chunk.missing,
                *(
                    (chunk.low, chunk.lower_quarter, chunk.middle, chunk.upper_quarter, chunk.high)
                    if not labels
                    else chunk.shares
                ),
            )
            for chunk in page.chunks
        ),
    )


def shares_csv(shown: SharesShown | None) -> str:
    """Return a line for each bar: the shares of the reference and of what it is compared with."""
    bars = shown.bars if shown else ()
    return table_csv(
        ("value", "reference_share", "current_share"),
        ((bar.label, bar.reference, bar.current) for bar in bars),
    )


def _story(story: Story | None) -> tuple[str, str]:
    return ("", "") if story is None else (story.column or "", change_words(story.change))


def _numbers(point: Point | None) -> tuple[float | None, float | None]:
    return (None, None) if point is None else (point.value, point.standard_error)
