"""What the command lines of the apps share: errors of ours become one line and exit status 1, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ml_core.errors import SuiteError


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with one line on standard error for a ``SuiteError``."""
    try:
        yield
    except SuiteError as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(1)
