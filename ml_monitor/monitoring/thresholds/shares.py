"""Whether a share has risen above the reference's: the one-sided test of two proportions.

The pooled normal approximation (Fleiss, Levin and Paik 2003, section 3.1), without a correction for continuity. Use it
beside a smallest effect that matters: for shares of a few rows in a thousand it calls some that an exact
test would not.
"""

from __future__ import annotations

import math

from ml_monitor.monitoring.inputs import refused


def p_value_of_rise(share: float, rows: int, reference_share: float, reference_rows: int) -> float:
    """Return how likely a share so high or higher is in ``rows`` rows if the reference's share still holds.

    1.0 where neither has any, or both have nothing else. Raises ``InvalidInput`` for shares outside 0 to 1 or no rows.
    """
    for name, value in (("share", share), ("reference_share", reference_share)):
        if not 0 <= value <= 1:
            raise refused(name, f"a number from 0 to 1, not {value}")
    for name, count in (("rows", rows), ("reference_rows", reference_rows)):
        if count < 1:
            raise refused(name, f"at least 1, not {count}")
    pooled = (share * rows + reference_share * reference_rows) / (rows + reference_rows)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / reference_rows))
    if deviation == 0:
        return 1.0
    return 0.5 * math.erfc((share - reference_share) / deviation / math.sqrt(2))
