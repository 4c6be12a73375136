"""Says in words and figures what a comparison came to."""

from __future__ import annotations

import math
from typing import Any

from ml_core.retraining.evidence import Evidence
from ml_core.settings import RetrainingSettings

_MOST_DIGITS = 9.0  # an e-value above a thousand million says no more than one of that


def told(evidence: Evidence, in_place: int, rival: int, section: RetrainingSettings) -> str:
    """Return the evidence about a rival of the version in place in a sentence."""
    if not evidence.pairs:
        return f"version {rival} against {in_place}: no outcome is known yet"
    loses = f"version {rival} loses {evidence.rival_mean:.4g} a prediction, version {in_place} {evidence.mean:.4g}"
    bound = 1.0 / section.alpha
    return (
        f"{loses}, in {evidence.pairs:,} pairs; e-values {e_value(evidence.log_e_better):.3g} for and "
        f"{e_value(evidence.log_e_worse):.3g} against it, {bound:.3g} decides"
    )


def figures(evidence: Evidence) -> dict[str, Any]:
    """Return the evidence as figures of an event."""
    return {
        "pairs": evidence.pairs,
        "loss": evidence.mean if evidence.pairs else None,
        "rival_loss": evidence.rival_mean if evidence.pairs else None,
        "log_e_better": evidence.log_e_better,
        "log_e_worse": evidence.log_e_worse,
    }


def e_value(log_e: float) -> float:
    """Return an e-value from its logarithm, at most 1e9."""
    return math.exp(min(log_e, _MOST_DIGITS * math.log(10)))
