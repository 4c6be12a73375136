"""What the methods of drift measure, in words for the page of a column; docs/maths-drift.md has the formulas."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """A method in words: what it is, how to read its value, and what it does not see."""

    title: str
    meaning: str
    reading: str
    blind: str


DEFINITIONS: dict[str, Definition] = {
    "kolmogorov_smirnov": Definition(
        "Kolmogorov-Smirnov",
        "The largest difference between two shares: of the reference's values up to some value, and of the chunk's.",
        "0 where both are spread alike, 1 where they do not overlap. 0.05 means: at some value the shares are 5 points "
        "apart. Its p-value is the chance of such a difference without any change.",
        "It sees where most values are, not how far the others went, and little in the tails.",
    ),
    "jensen_shannon": Definition(
        "Jensen-Shannon distance",
        "The root of the mean divergence of both distributions from their middle, in bins over the reference's range.",
        "0 where both are alike, 1 where they have nothing in common; one scale for columns of all kinds.",
        "It does not see what moves inside a bin, and chunks of few rows lie further from 0 by chance.",
    ),
    "psi": Definition(
        "Population stability index",
        "The sum over ten bins of equal frequency in the reference of (p - q) ln(p / q).",
        "By a rule of thumb under 0.1 is stable and over 0.25 changed.",
        "Small chunks come out higher by about bins / rows; each new label adds much.",
    ),
    "wasserstein": Definition(
        "Wasserstein distance",
        "How far values must be moved on average to turn the reference into the chunk, in standard deviations of the "
        "reference.",
        "0 where nothing moved; 1 means by one standard deviation on average.",
        "A few values far out weigh by how far they are.",
    ),
    "chi_squared": Definition(
        "Chi-squared",
        "The test of whether labels are as frequent in the chunk as in the reference.",
        "Read its p-value, the chance of such a difference without any change: the statistic itself grows with rows.",
        "It is unreliable where many labels are expected fewer than 5 times.",
    ),
    "l_infinity": Definition(
        "L-infinity",
        "The largest difference of one label's or one bin's share.",
        "0.1 means: one label or bin gained or lost 10 points.",
        "It sees the one that moved most, and none of the others.",
    ),
    "hellinger": Definition(
        "Hellinger distance",
        "The distance of the roots of the shares, over labels or the bins of Jensen-Shannon.",
        "0 where both are alike, 1 where they have nothing in common; rare bins weigh more than in Jensen-Shannon.",
        "It does not see what moves inside a bin.",
    ),
}
