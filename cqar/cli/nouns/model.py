"""What describes a noun and a verb of the command line. Data only: nothing here runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Verb(NamedTuple):
    """One command, which calls one RPC.

    Attributes:
        rpc: The method of AssetRegistry.
        argument_fields: The request's fields that are arguments, in order; `[field]` is optional.
            Every other field that a user can set is an option.
        summary: What the command does; its first sentence stands in the list of commands.
        example: A command line that works.
        effect: What the RPC does to the entity, such as "added"; empty for a read.
        confirms: Whether the user is asked for confirmation first.
        response_field: The response's field that is shown. Empty: the noun's own; "*": all of it.
    """

    rpc: str
    argument_fields: str
    summary: str
    example: str
    effect: str = ""
    confirms: bool = False
    response_field: str = ""

    @property
    def arguments(self) -> dict[str, bool]:
        """Field -> whether it is required."""
        return {word.strip("[]"): word[0] != "[" for word in self.argument_fields.split()}


class Noun(NamedTuple):
    """A kind of entity and its commands.

    Attributes:
        id_field: The entity's field that identifies it; empty where the arguments do.
        entity_field: The response's field that holds one entity.
        list_field: The response's field that holds the entities of a list.
        columns: The entity's fields that a list shows.
        verbs: Words, such as "add" or "member add" -> command.
        aliases: Alternative word -> verb.
        extra_commands: Verb -> `module:attribute` of a command that is no RPC of AssetRegistry.
        default_verb: The verb that runs if the first word is not a verb.
    """

    name: str
    summary: str
    id_field: str
    entity_field: str
    list_field: str
    columns: str
    verbs: Mapping[str, Verb]
    aliases: Mapping[str, str] = {}
    extra_commands: Mapping[str, str] = {}
    default_verb: str = ""
