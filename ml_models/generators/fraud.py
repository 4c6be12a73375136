"""Payments, drawn from a documented process with the columns of the public payment-fraud table.

    accountAgeDays        1 to 2,000, log-uniform
    paymentMethodAgeDays  0 to the account's age: 40 % of methods are new that day, the rest uniform
    numItems              1 + Poisson(0.4)
    localTime             the hour of the purchase, a mix of midday and evening
    paymentMethod         creditcard, paypal or storecredit; without influence
    label                 1 with the probability sigmoid(z), z = -2.5 - 0.01 accountAgeDays - 0.01 paymentMethodAgeDays
                          + 2.5 (numItems - 1) - 0.4 (localTime - 14), so that young accounts that buy much early in
                          the day are risky; 12 % of all payments

Whether a payment is fraud is drawn, not decided: also the true probabilities leave errors (accuracy 0.92, recall 0.5),
and no column tells the label (AUC of each alone below 0.8).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 20202


def generate_fraud(rows: int = 20_000, seed: int = SEED) -> pd.DataFrame:
    """Return ``rows`` payments; the same seed gives the same table."""
    random = np.random.default_rng(seed)
    account_age = np.floor(np.exp(random.uniform(0, np.log(2_001), rows))).astype(np.int64)
    is_new_method = random.random(rows) < 0.4
    method_age = np.where(is_new_method, 0.0, random.uniform(0, account_age))
    items = 1 + random.poisson(0.4, rows)
    hour = np.where(random.random(rows) < 0.5, random.normal(13, 2, rows), random.normal(19, 2, rows)) % 24
    z = -2.5 - 0.01 * account_age - 0.01 * method_age + 2.5 * (items - 1) - 0.4 * (hour - 14)
    label = (random.random(rows) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return pd.DataFrame(
        {
            "accountAgeDays": account_age,
            "numItems": items,
            "localTime": hour,
            "paymentMethod": random.choice(["creditcard", "paypal", "storecredit"], rows, p=[0.7, 0.25, 0.05]),
            "paymentMethodAgeDays": method_age,
            "label": label,
        }
    )
