"""What the command lines of the apps share: plain errors, and commands that are imported when they are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from ml_core.errors import SuiteError

_LONGEST_LINE = 200
"""Of what a group's help says of a command: click would cut it off at 45 characters."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with one line on standard error for a ``SuiteError``."""
    try:
        yield
    except SuiteError as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(1)


class LazyGroup(click.Group):
    """A group of commands that are imported when they are called, so that each loads only what it needs.

    ``lazy`` names each command's place, ``package.module:name``, with the line that the group's help shows of it. Of
    the other commands the help shows the first sentence, whole.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, name = self._lazy[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        own = ((name, super(LazyGroup, self).get_command(ctx, name)) for name in super().list_commands(ctx))
        rows = [(name, command.get_short_help_str(limit=_LONGEST_LINE)) for name, command in own if command is not None]
        rows += [(name, line) for name, (_, line) in self._lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))
