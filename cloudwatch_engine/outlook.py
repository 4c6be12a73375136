"""The forecast that is served, as the engine tells it: values with their bands, and how probable an overload is.

What is served, and the chance that the limit is crossed, are those of ``ml_core.forecasters.serving``. A warning is due
as soon as it costs less than silence: from cost_false / (cost_false + cost_missed) on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_core.forecasters.base import QUANTILES
from ml_core.forecasters.serving import Served
from ml_core.timeseries.series import Floats

LEVELS: Mapping[str, int] = {
    "lower_95": QUANTILES.index(0.025),
    "lower_80": QUANTILES.index(0.1),
    "upper_80": QUANTILES.index(0.9),
    "upper_95": QUANTILES.index(0.975),
}
"""The bands by name, and which of the quantiles each is."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Overload:
    """How probable it is that the limit is crossed, within an hour and within the horizon, and when first.

    ``crossing_time`` is when it is to be expected if it comes; None where no possible path crosses.
    """

    limit: float
    probability: float
    probability_1h: float
    crossing_time: datetime | None
    alert_level: float

    @property
    def is_warned(self) -> bool:
        """Whether a warning costs less than silence."""
        return self.probability >= self.alert_level


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """A forecast by ``forecaster``, issued at ``issue_time``; ``bands`` by the names of ``LEVELS``."""

    forecaster: str
    issue_time: datetime
    valid_times: tuple[datetime, ...]
    values: Floats
    bands: Mapping[str, Floats]
    overload: Overload


def newest_outlook(served: Served, alert_level: float) -> Outlook:
    """Return what is served at the newest origin; ``served`` must have been asked about a limit."""
    assert served.overload is not None
    path, step = served.path(), served.tried.history.step
    assert path.quantiles is not None
    first = float(served.overload.first_step[-1])
    chance = float(served.overload.chance[-1])
    overload = Overload(
        limit=served.overload.limit,
        probability=chance,
        probability_1h=min(served.chance_within(max(1, _HOUR // step)), chance),
        crossing_time=None if math.isnan(first) else path.issue_time + int(first) * step,
        alert_level=alert_level,
    )
    bands = {name: path.quantiles[:, column] for name, column in LEVELS.items()}
    return Outlook(served.models[-1], path.issue_time, tuple(path.valid_times()), path.point, bands, overload)
