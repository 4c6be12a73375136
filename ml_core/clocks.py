"""Which clock a process goes by, as its settings say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ml_core.clock import Clock, format_time, parse_time
from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.files import replace_file
from ml_core.settings import Settings


class FileClock(Clock):
    """A clock that stands at the time in a file until somebody writes another: one for all processes of a replay.

    Raises ``ConfigurationError`` if the file holds no time, when it is made and when it is asked.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.now()

    def now(self) -> datetime:
        try:
            return parse_time(self.path.read_text().strip())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"clock_file: {self.path} holds no time: {error}") from None


def set_clock_file(path: Path, time: datetime) -> None:
    """Write the time at which the clocks of a file shall stand; who reads it finds the old one or the new one."""
    replace_file(path, format_time(time).encode())


def clock_of(settings: Settings) -> Clock:
    """Return the clock of the setting ``clock_file`` if there is one, else the machine's, moved by ``clock_offset``.

    Raises ``ConfigurationError``.
    """
    if settings.clock_file:
        return FileClock(resolve_path(settings.clock_file))
    return Clock(settings.clock_offset)
