"""The names under which a store keeps what belongs to a model but is not what the model serves.

Nothing that reads a model finds it there, and whoever erases a prediction has to reach it all the same: so the store
knows these names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ml_core.ids import id_time

MADE, DELAYED = "prediction", "delayed"
"""The metrics of the lines tracked of single predictions, whose segment is the prediction's id."""

_MOST_CHARACTERS = 64
_SHADOW = ".shadow."
_SHADOW_DIGEST_CHARACTERS = 12
_MOST_DIGITS = 9
_SHADOW_OF_VERSION = re.compile(rf".*\.shadow\.([1-9][0-9]{{0,{_MOST_DIGITS - 1}}})")
_TRACKED = ".tracked"
_TRACKED_DIGEST_CHARACTERS = 8


def shadow_name(model: str, version: int) -> str:
    """Return the name under which a version's hidden predictions are kept."""
    mark = f"{_SHADOW}{version}"
    if len(model) + len(mark) <= _MOST_CHARACTERS:
        return model + mark
    digest = _digest(model, _SHADOW_DIGEST_CHARACTERS)
    return f"{model[: _MOST_CHARACTERS - len(mark) - len(digest) - 1]}-{digest}{mark}"


def shadow_range(model: str) -> tuple[str, str]:
    """Return bounds between which, in the order of their characters, lie the names of all shadows of a model."""
    room = _MOST_CHARACTERS - len(_SHADOW) - _MOST_DIGITS  # that the version with the longest number leaves
    begin = f"{model}{_SHADOW}" if len(model) <= room else model[: room - _SHADOW_DIGEST_CHARACTERS - 1]
    return begin, f"{begin}~"  # which comes behind all that a name may hold


def shadows_among(names: Iterable[str], model: str) -> list[str]:
    """Return those of the names under which hidden predictions of a model are kept."""
    found = ((name, _SHADOW_OF_VERSION.fullmatch(name)) for name in names)
    return [name for name, match in found if match is not None and shadow_name(model, int(match[1])) == name]


def tracked_name(model: str) -> str:
    """Return the name under which the lines tracked of a model are kept as metric points.

    It is one of its own, since a day of them holds the inputs of every prediction, and checks read a model's points day
    by day.
    """
    if len(model) + len(_TRACKED) <= _MOST_CHARACTERS:
        return model + _TRACKED
    digest = _digest(model, _TRACKED_DIGEST_CHARACTERS)
    return f"{model[: _MOST_CHARACTERS - len(_TRACKED) - len(digest) - 1]}.{digest}{_TRACKED}"


def tracked_ids(prediction_id: str) -> tuple[str, ...]:
    """Return the ids under which lines may be tracked that tell of a prediction.

    A row of a batch whose id the suite made, ``<id>-<row>``, is told of by the lines of that id too: a forecast is
    tracked as a whole, with the inputs of all its steps.
    """
    batch = prediction_id.rpartition("-")[0]
    is_row = id_time(prediction_id) is not None and id_time(batch) is not None
    return (prediction_id, batch) if is_row else (prediction_id,)


def _digest(model: str, characters: int) -> str:
    return hashlib.sha256(model.encode()).hexdigest()[:characters]
