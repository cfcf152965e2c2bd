"""Commands that are imported when they are run: help and completion need only their names.

Importing all of them takes 0.7 s, half of it SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import click


class LazyCommand(click.Command):
    """Stands for a command until somebody runs it.

    Args:
        name: The word that people type.
        about: What its own help says first.
        load: Returns the command itself.
    """

    def __init__(self, name: str, about: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=about)
        self.load = load


class LazyGroup(click.Group):
    """A group whose commands may be `Elsewhere`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


def lazy_command(name: str, where: str, about: str) -> LazyCommand:
    """A command that is a module's attribute, `module:attribute`."""
    return LazyCommand(name, about, partial(load_attribute, where))


def load_attribute(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
