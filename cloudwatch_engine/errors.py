"""What can go wrong between us and CloudWatch, each with what to do about it."""

from __future__ import annotations

from ml_core.errors import SuiteError, Unavailable


class CloudWatchUnavailable(Unavailable):
    """CloudWatch was busy or away, and still was after repetitions; nothing was lost, the next run asks again."""

    code = "cloudwatch_unavailable"


class CloudWatchRefused(SuiteError):
    """CloudWatch did not let us: credentials are missing or wrong, or a permission is."""

    status = 502
    code = "cloudwatch_refused"
