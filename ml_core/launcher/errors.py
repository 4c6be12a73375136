"""What stops the launcher, beside wrong settings and a store that is away."""

from __future__ import annotations

from ml_core.errors import SuiteError


class LauncherError(SuiteError):
    """The platform cannot be started or stopped as things are; the message says what to do.

    It is shown on a terminal only, never sent to a client, and so it has no code of its own.
    """
