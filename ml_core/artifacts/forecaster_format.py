"""Forecasters of ours as plain arrays (NumPy's ``.npz``), read without pickle, and with them what they said in a trial.

One, or several that forecast together. What they said was said of values that they had not seen. What they would say of
those that they were fitted on is better than they are, so it cannot be had later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.artifacts.formats import Outputs, unreadable
from ml_core.errors import ArtifactError

if TYPE_CHECKING:
    from ml_core.forecasters.serving import Served
    from ml_core.timeseries.series import Series

FILE = "trial.npz"
LIBRARY = "numpy"

_ANY_TIME, _ANY_STEP = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=5)


@dataclass(frozen=True, slots=True, eq=False)
class TriedForecasters:
    """Fitted forecasters by name, the issue times of their trial, and what each said there, ``(origins, horizon)``.

    ``race`` names those that may be served, the ensemble among them; all of them if it is empty.
    """

    members: Mapping[str, Any]
    origin_times: tuple[datetime, ...]
    points: Mapping[str, NDArray[np.float64]]
    race: tuple[str, ...] = ()

    def serve(self, history: Series, cut_off: datetime, limit: float | None = None) -> Served:
        """Return what is served up to the end of ``history`` by these forecasters, fitted up to ``cut_off``.

        Raises ``InvalidInput`` if they have no forecast there.
        """
        from ml_core.forecasters.continued import continued
        from ml_core.forecasters.serving import serve

        tried = continued(history, self.members, self.origin_times, self.points, cut_off)
        return serve(tried, limit, self.race or None)

    def served_at(self, history: Series, origins: Sequence[int]) -> NDArray[np.float64]:
        """Return what is served at ``origins``, indices of ``history`` after the cut-off, ``(origins, horizon)``.

        Who forecasts is chosen as of each, by the trial and the origins before it. NaN where there is no forecast.
        """
        from ml_core.forecasters.continued import continued_at
        from ml_core.forecasters.serving import serve

        since = np.array(origins, dtype=np.int64)
        served = serve(
            continued_at(history, self.members, self.origin_times, self.points, since), None, self.race or None
        )
        found = np.full((len(since), served.point.shape[1]), np.nan)
        rows = {int(origin): row for row, origin in enumerate(served.tried.origins)}
        for place, origin in enumerate(origins):
            if origin in rows:
                found[place] = served.point[rows[origin]]
        return found

    def predict(self, frame: pd.DataFrame) -> Outputs:
        """Return what was to be expected after each row: rows are the values of a series in order.

        Of several forecasters it is the median. Raises ``InvalidInput`` if the rows are too few for them.
        """
        from ml_core.timeseries.series import Series

        values = frame.iloc[:, 0].to_numpy(dtype=np.float64)
        history = Series(_ANY_TIME, _ANY_STEP, values)
        origins = np.arange(len(values))
        next_values = [member.forecast_at(history, origins).point[:, 0] for member in self.members.values()]
        return Outputs([float(value) for value in np.median(next_values, axis=0)])


def save(model: Any, path: Path) -> None:
    """Write ``TriedForecasters``: a file a forecaster beside ``path``, which holds the rest."""
    for name, member in model.members.items():
        member.save(member_file(path.parent, name))
    seconds = np.array([int(time.timestamp()) for time in model.origin_times], dtype=np.int64)
    points = np.stack([model.points[name] for name in model.members])
    (horizon,) = {member.horizon for member in model.members.values()}
    with path.open("wb") as file:
        np.savez(
            file,
            names=np.array(list(model.members)),
            horizon=np.array(horizon),
            seconds=seconds,
            points=points,
            race=np.array(model.race, dtype=np.str_),
        )


def load(path: Path) -> TriedForecasters:
    """Read forecasters; raise ``ArtifactError`` if they cannot be read, or are of a kind that is not known here."""
    from ml_core.forecasters.catalogue import make_forecaster

    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            names, horizon = [str(name) for name in file["names"]], int(file["horizon"])
            times = tuple(datetime.fromtimestamp(int(second), UTC) for second in file["seconds"])
            points = dict(zip(names, file["points"], strict=True))
            race = tuple(str(name) for name in file["race"]) if "race" in file else ()
    except Exception as error:
        raise unreadable(path, "NumPy", error) from error
    members = {}
    for name in names:
        try:
            members[name] = make_forecaster(name, horizon=horizon)
        except ValueError as error:
            raise ArtifactError(f"{path.name}: {error}: train anew") from None
        members[name].load(member_file(path.parent, name))
    return TriedForecasters(members, times, points, race)


def member_file(folder: Path, name: str) -> Path:
    """Return the file of one forecaster in the folder of an artifact."""
    return folder / f"{name}.npz"
