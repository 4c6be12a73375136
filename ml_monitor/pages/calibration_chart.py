"""Whether scores are what they say: the share that came true by score, beside the diagonal. Plain SVG."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ml_monitor.formatting import show_share
from ml_monitor.pages.outcomes_reader import CalibrationRow

_SIZE = 200


def calibration_svg(rows: Sequence[CalibrationRow]) -> Markup:
    """Return the curve as a square of 0 to 1: scores to the right, positive shares upwards, the reference in grey."""
    points = [_place(row.mean_score, row.positive_share) for row in rows]
    before = [_place(row.mean_score, row.reference_share) for row in rows if row.reference_share is not None]
    most = max((row.rows for row in rows), default=1)
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="{2 + 4 * (row.rows / most) ** 0.5:.1f}"/>'
        for row, (x, y) in zip(rows, points, strict=True)
    )
    worst = max(rows, key=lambda row: abs(row.mean_score - row.positive_share), default=None)
    title = "Calibration"
    if worst is not None:
        scored, came = show_share(worst.mean_score), show_share(worst.positive_share)
        title = f"Calibration: at worst {came} came true of what was scored {scored}"
    return Markup(
        f'<svg class="calibration" role="img" viewBox="-4 -4 {_SIZE + 8} {_SIZE + 8}" width="240" height="240">'
        f"<title>{title}</title>"
        f'<path class="frame" d="M0 0V{_SIZE}H{_SIZE}"/><path class="diagonal" d="M0 {_SIZE}L{_SIZE} 0"/>'
        f'<polyline class="before" points="{_line(before)}"/><polyline points="{_line(points)}"/>{dots}</svg>'
    )


def _place(score: float, share: float) -> tuple[float, float]:
    return round(_SIZE * score, 1), round(_SIZE * (1 - share), 1)


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
