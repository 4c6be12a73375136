"""What can go wrong between us and the controller, each with what to do about it."""

from __future__ import annotations

from ml_core.errors import SuiteError, Unavailable


class ControllerUnavailable(Unavailable):
    """The controller was busy, slow or away, and still was after repetitions; the next run asks again."""

    code = "controller_unavailable"


class ControllerRefused(SuiteError):
    """The controller did not let us, or does not know what was asked for: credentials, application or address."""

    status = 502
    code = "controller_refused"


class ControllerFault(SuiteError):
    """The controller answered what is not metric data: XML, a part of a page, or texts for numbers."""

    status = 502
    code = "controller_fault"
