"""House prices by area, drawn from a documented process with the columns of the public USA Housing table.

    income     lognormal, median 68,000 a year, 15 % spread; richer areas have slightly larger houses
    age        gamma, mean 6 years
    rooms      normal(7 + 0.3 z(income), 1), at least 3
    bedrooms   between 2 and the rooms less 2: rooms * uniform(0.4, 0.7), to a hundredth
    population lognormal, median 34,000, 30 % spread
    price      20 income + 165,000 (age - 6) + 120,000 (rooms - 7) + 15 (population - 34,000) + noise, at least 10,000

The noise is Student's t with 5 degrees of freedom, scaled by 90,000 and growing with income, so no column nor all of
them together give the price away (R2 near 0.9). Bedrooms follow from rooms and add nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 20201


def generate_housing(rows: int = 5_000, seed: int = SEED) -> pd.DataFrame:
    """Return ``rows`` areas; the same seed gives the same table."""
    random = np.random.default_rng(seed)
    wealth = random.standard_normal(rows)
    income = 68_000 * np.exp(0.15 * wealth)
    age = random.gamma(shape=36, scale=1 / 6, size=rows)
    room_count = np.maximum(3.0, random.normal(7 + 0.3 * wealth, 1.0))
    bedrooms = np.round(np.clip(room_count * random.uniform(0.4, 0.7, rows), 2.0, room_count - 1), 2)
    population = 34_000 * np.exp(0.3 * random.standard_normal(rows))
    noise = 90_000 * (income / 68_000) * random.standard_t(5, rows)
    price = 20 * income + 165_000 * (age - 6) + 120_000 * (room_count - 7) + 15 * (population - 34_000) + noise
    return pd.DataFrame(
        {
            "Avg. Area Income": income,
            "Avg. Area House Age": age,
            "Avg. Area Number of Rooms": room_count,
            "Avg. Area Number of Bedrooms": bedrooms,
            "Area Population": population,
            "Price": np.maximum(10_000.0, price),
            "Address": _addresses(random, rows),
        }
    )


def _addresses(random: np.random.Generator, rows: int) -> list[str]:
    """Return addresses of two lines, as the real table has them: a CSV reader must cope with quoted line breaks."""
    first = random.choice(["Oak", "Mill", "Station", "Church", "Lake", "Hill", "Market", "Garden"], rows)
    second = random.choice(["Street", "Road", "Avenue", "Lane"], rows)
    numbers, codes = random.integers(1, 2_000, rows), random.integers(10_000, 99_999, rows)
    return [
        f"{number} {name} {kind}\nTown {code}"
        for number, name, kind, code in zip(numbers, first, second, codes, strict=True)
    ]
