"""What a noun and a verb of the command line are. Descriptions only: nothing here is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Verb(NamedTuple):
    """One command: one RPC.

    Attributes:
        rpc: The method of AssetRegistry.
        given: The request's fields that are arguments, in order; `[field]` may be left out.
            Every other field that people can give is an option.
        about: What it does; the first sentence stands in the list of commands.
        example: A line that works.
        done: What became of the entity, such as "added"; empty where nothing changes.
        asks: Whether somebody must say yes first.
        answer: The response's field that is shown; empty for the noun's own, "*" for all of it.
    """

    rpc: str
    given: str
    about: str
    example: str
    done: str = ""
    asks: bool = False
    answer: str = ""

    @property
    def arguments(self) -> dict[str, bool]:
        """Field -> whether it is required."""
        return {word.strip("[]"): word[0] != "[" for word in self.given.split()}


class Noun(NamedTuple):
    """A kind of entity as people name it, and what may be done with it.

    Attributes:
        id: The entity's field that identifies it; empty where the arguments do.
        one, many: The response's field that holds an entity, or all of a list.
        columns: The entity's fields that a list shows.
        verbs: Words, such as "add" or "member add" -> command.
        aliases: Another word -> the verb it stands for.
        more: Verbs that are no RPC of AssetRegistry -> where the command is, `module:attribute`.
        otherwise: The verb that is meant where the first word is none.
    """

    name: str
    about: str
    id: str
    one: str
    many: str
    columns: str
    verbs: Mapping[str, Verb]
    aliases: Mapping[str, str] = {}
    more: Mapping[str, str] = {}
    otherwise: str = ""
