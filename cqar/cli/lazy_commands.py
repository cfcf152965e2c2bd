"""Commands that are imported when they run: help and completion need only their names.

Importing all of them takes 0.7 s, half of it for SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import click

from cqar.cli.grouped_help import GroupedGroup


class LazyCommand(click.Command):
    """Placeholder for a command until it runs.

    Args:
        summary: What the list of commands says about it.
        load: Returns the command itself.
    """

    def __init__(self, name: str, summary: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=summary)
        self.load = load


class LazyGroup(GroupedGroup):
    """A group whose commands may be `LazyCommand`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


def lazy_command(name: str, where: str, summary: str) -> LazyCommand:
    """A command that is the attribute of a module, `module:attribute`."""
    return LazyCommand(name, summary, partial(load_attribute, where))


def load_attribute(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
