"""The models of the demo: what their inputs, outputs and truths are drawn from.

    demo-deliveries  regression, healthy
        distance     gamma(shape 2, scale 3) km        parcels  1 + Poisson(0.8)
        raining      true in 30 %                      vehicle  van 50 %, bike 30 %, car 20 %
        minutes      12 + 3.1 distance + 1.5 parcels + 8 if it rains + (0 van, 6 bike, 3 car) + normal(0, 4)
        The model knows all but the noise. Truth comes after 1 to 3 hours, for 95 %.

    demo-loans       binary, its inputs break: from FAULT_DAY on 60 % of the incomes come by the month, not by the year
        income       lognormal, median 33,000, sigma 0.45  amount   lognormal, median 9,000, sigma 0.5
        age          normal(42, 12), at least 18           employed true in 82 %
        default      with probability sigmoid(-0.6 - 2.2 ln(income / 33,000) + 1.3 ln(amount / 9,000) - 0.9 employed
                     - 0.02 (age - 42))
        The model knows this probability, of the inputs that it is given; the truth follows from the true ones. Truth
        comes after 26 hours, for 90 %.

    demo-churn       binary, what its inputs mean changes: concept drift from CHANGE_DAY on, complete 6 days later
        months       exponential, mean 20              calls    Poisson(1.5)
        price        normal(30, 6)                     plan     basic 60 %, family 30 %, business 10 %
        churn        with probability sigmoid(-0.8 - 0.05 (months - 20) + 0.7 (calls - 1.5) + 0.08 (price - 30)); after
                     the change the weights of months and calls are turned round, for a share of the rows that grows
        Inputs stay as they are. Truth comes after 20 hours, for 92 %.

    demo-pumps       anomaly, without truth: on BURST_DAY every fifth pump runs hot
        vibration    normal(2, 0.3)                    temperature normal(60, 4), 85 in the burst
        score        minus the distance from the middle in standard deviations; an outlier (-1) below -3.2

Every day of a model is drawn by a generator that is seeded by the model and the date alone: the same day is drawn again
alike, whenever that is. Its number of rows is Poisson, 30 % fewer on weekends, with more of them at noon than at night.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from ml_core.records import Task

DAYS = 30
FAULT_DAY = 22
CHANGE_DAY = 13
BURST_DAY = 17
FAULT_SHARE, FAULT_DIVISOR = 0.6, 12
_CHANGE_LASTS_DAYS = 6

Draw = Callable[[np.random.Generator, int, int], pd.DataFrame]
"""Returns features with value, score and truth (where there are any) for so many rows of a day, counted from 0."""
REFERENCE_DAY = -1


@dataclass(frozen=True, slots=True)
class World:
    """One model of the demo. ``truth_share`` of its rows get their truth after ``truth_delay``, to 1.5 times that."""

    name: str
    title: str
    task: Task
    headline_metric: str | None
    draw: Draw
    rows_per_day: int
    truth_delay: timedelta = timedelta(0)
    truth_share: float = 0.0


def draw_deliveries(random: np.random.Generator, day: int, rows: int) -> pd.DataFrame:
    """Return deliveries with the minutes that they took, and those that the model foresaw."""
    distance, parcels = random.gamma(2, 3, rows), 1 + random.poisson(0.8, rows)
    raining = random.random(rows) < 0.3
    vehicle = random.choice(["van", "bike", "car"], rows, p=[0.5, 0.3, 0.2])
    extra = pd.Series(vehicle).map({"van": 0.0, "bike": 6.0, "car": 3.0}).to_numpy()
    expected = 12 + 3.1 * distance + 1.5 * parcels + 8 * raining + extra
    frame = pd.DataFrame({"distance": distance.round(2), "parcels": parcels, "raining": raining, "vehicle": vehicle})
    return frame.assign(value=expected.round(1), truth=(expected + random.normal(0, 4, rows)).round(1))


def draw_loans(random: np.random.Generator, day: int, rows: int) -> pd.DataFrame:
    """Return loans, whether they defaulted, and what the model made of the inputs that it was given."""
    income, amount = 33_000 * np.exp(random.normal(0, 0.45, rows)), 9_000 * np.exp(random.normal(0, 0.5, rows))
    age, employed = np.maximum(18, random.normal(42, 12, rows)), random.random(rows) < 0.82
    is_wrong = random.random(rows) < FAULT_SHARE
    given = np.where(is_wrong, income / FAULT_DIVISOR, income) if day >= FAULT_DAY else income

    def probability(of_income: np.ndarray) -> np.ndarray:
        wealth, debt = np.log(of_income / 33_000), np.log(amount / 9_000)
        return _sigmoid(-0.6 - 2.2 * wealth + 1.3 * debt - 0.9 * employed - 0.02 * (age - 42))

    columns = {"income": given.round(), "amount": amount.round(), "age": age.round(), "employed": employed}
    return _judged(random, pd.DataFrame(columns), probability(given), probability(income))


def draw_churn(random: np.random.Generator, day: int, rows: int) -> pd.DataFrame:
    """Return customers, whether they left, and what the model thinks, which learnt it before the change."""
    months, calls = random.exponential(20, rows), random.poisson(1.5, rows)
    price, plan = random.normal(30, 6, rows), random.choice(["basic", "family", "business"], rows, p=[0.6, 0.3, 0.1])
    learnt = -0.05 * (months - 20) + 0.7 * (calls - 1.5)
    share = min(1.0, max(0.0, (day - CHANGE_DAY + 1) / _CHANGE_LASTS_DAYS))
    holds = np.where(random.random(rows) < share, 0.0, learnt)
    rest = -0.8 + 0.08 * (price - 30)
    columns = {"months": months.round(1), "calls": calls, "price": price.round(2), "plan": plan}
    return _judged(random, pd.DataFrame(columns), _sigmoid(rest + learnt), _sigmoid(rest + holds))


def draw_pumps(random: np.random.Generator, day: int, rows: int) -> pd.DataFrame:
    """Return pumps with a score that is lower the odder they are."""
    vibration, temperature = random.normal(2, 0.3, rows), random.normal(60, 4, rows)
    if day == BURST_DAY:
        temperature = np.where(random.random(rows) < 0.2, random.normal(85, 2, rows), temperature)
    score = -np.hypot((vibration - 2) / 0.3, (temperature - 60) / 4)
    frame = pd.DataFrame({"vibration": vibration.round(3), "temperature": temperature.round(1)})
    return frame.assign(value=np.where(score < -3.2, -1, 1), score=score.round(4))


WORLDS: tuple[World, ...] = (
    World(
        *("demo-deliveries", "Demo: minutes of a delivery", "regression", "mae", draw_deliveries, 400),
        *(timedelta(hours=2), 0.95),
    ),
    World(
        *("demo-loans", "Demo: loans that default", "binary", "accuracy", draw_loans, 500),
        *(timedelta(hours=26), 0.9),
    ),
    World(
        *("demo-churn", "Demo: customers who leave", "binary", "roc_auc", draw_churn, 500),
        *(timedelta(hours=20), 0.92),
    ),
    World("demo-pumps", "Demo: pumps that run hot", "anomaly", None, draw_pumps, 300),
)
SEEDS: Mapping[str, int] = {world.name: 101 + place for place, world in enumerate(WORLDS)}


def _judged(
    random: np.random.Generator, frame: pd.DataFrame, score: np.ndarray, probability: np.ndarray
) -> pd.DataFrame:
    truth = (random.random(len(frame)) < probability).astype(int)
    return frame.assign(value=(score > 0.5).astype(int), score=score.round(4), truth=truth)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    probability: np.ndarray = 1 / (1 + np.exp(-z))
    return probability
