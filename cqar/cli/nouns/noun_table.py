"""Every noun, in the order of help. Help and completion import no more than this."""

from __future__ import annotations

from functools import partial
from typing import Final

import click

from cqar.cli.lazy_commands import LazyCommand, load_attribute
from cqar.cli.nouns.assets import ASSET, DEPLOYMENT, FLAG, GROUP, IDENTIFIER, RELATIONSHIP
from cqar.cli.nouns.markets import CHAIN, LISTING, SYMBOL, VENUE, VENUE_ASSET
from cqar.cli.nouns.model import Noun

NOUNS: Final = (
    *(ASSET, CHAIN, DEPLOYMENT, FLAG, GROUP, IDENTIFIER),
    *(LISTING, RELATIONSHIP, SYMBOL, VENUE, VENUE_ASSET),
)


def noun_commands() -> list[LazyCommand]:
    """A command for each noun; its verbs are made when it runs."""
    return [LazyCommand(noun.name, noun.summary, partial(_load, noun)) for noun in NOUNS]


def _load(noun: Noun) -> click.Command:
    command: click.Command = load_attribute("cqar.cli.nouns.commands:command_of")(noun)
    return command
