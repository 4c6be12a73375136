"""Compares two versions on the same labelled chunk, which neither was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from ml_core.clock import parse_time
from ml_core.records import ModelVersion
from ml_core.retraining.evidence import SCALE_PAIRS, Evidence, weigh
from ml_core.retraining.owner import Retrainable
from ml_core.settings import RetrainingSettings

FEWEST_HELD_OUT = SCALE_PAIRS + 20
"""A chunk of fewer pairs decides nothing."""
_MOST_HELD_OUT = 2_000
_HELD_OUT_SHARE = 0.25


def training_end(version: ModelVersion) -> datetime:
    """Return the end of what a version was trained on: what its lineage says, or else when it was registered."""
    for name in ("trained_until_time", "cut_off_time"):
        if name in version.lineage:
            return parse_time(str(version.lineage[name]))
    return version.created_time


def held_out_start(times: Sequence[datetime], champion: ModelVersion) -> datetime | None:
    """Return where the newest labelled chunk begins that the champion was not trained on; None if it is too small.

    ``times`` are those of all that is labelled in the window, oldest first. The chunk is a quarter of them, and not
    more than two thousand, so that most is left to train on.
    """
    fresh = [time for time in times if time >= training_end(champion)]
    wanted = min(max(round(_HELD_OUT_SHARE * len(times)), FEWEST_HELD_OUT), _MOST_HELD_OUT, len(fresh))
    return fresh[-wanted] if wanted >= FEWEST_HELD_OUT else None


def compare(
    subject: Retrainable,
    in_place: ModelVersion,
    rival: ModelVersion,
    start: datetime,
    now: datetime,
    section: RetrainingSettings,
) -> Evidence:
    """Return the evidence in all that was predicted from ``start`` on and is labelled now, in the order it became so.

    It is computed from its first pair each time, so that a look that was lost or came twice changes nothing.
    """
    ours = subject.losses(in_place, start, now, now)
    theirs = subject.losses(rival, start, now, now)
    pairs = ours.assign(rival=theirs["loss"]).dropna().rename_axis("id").reset_index().sort_values(["known_time", "id"])
    return weigh(
        pairs["loss"].to_numpy(dtype=np.float64),
        pairs["rival"].to_numpy(dtype=np.float64),
        alpha=section.alpha,
        margin=section.margin,
    )
