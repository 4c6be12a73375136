"""Fewer points for a line, so that it looks the same: Largest Triangle Three Buckets.

Source: S. Steinarsson, "Downsampling Time Series for Visual Representation", University of Iceland, 2013, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_POINTS = 1000


def thinned(x: Sequence[float], y: Sequence[float], most: int = MOST_POINTS) -> list[int]:
    """Return the places of at most ``most`` points, the first and the last among them, in ascending order.

    Of each of ``most - 2`` equal buckets that point stays which spans the largest triangle with the point kept before
    it and the mean of the bucket after it. ``x`` ascends, neither holds NaN, and ``most`` is at least 3.
    """
    count = len(x)
    if count <= most:
        return list(range(count))
    width = (count - 2) / (most - 2)
    edges = [1 + int(number * width) for number in range(most - 1)] + [count]
    kept = [0]
    for start, end, after in zip(edges, edges[1:], edges[2:], strict=False):
        mean_x, mean_y = sum(x[end:after]) / (after - end), sum(y[end:after]) / (after - end)
        last_x, last_y = x[kept[-1]], y[kept[-1]]

        def area(place: int, a: float = last_x, b: float = last_y, c: float = mean_x, d: float = mean_y) -> float:
            return abs((a - c) * (y[place] - b) - (a - x[place]) * (d - b))

        kept.append(max(range(start, end), key=area))
    return [*kept, count - 1]
