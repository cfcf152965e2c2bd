"""What describes a noun and a verb of the command line. Data only: nothing here runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

#: Beginning of an RPC's name -> what it does to the entity; any other RPC is a read.
_EFFECTS: Final = {
    "Add": "added",
    "Create": "added",
    "Delete": "removed",
    "Delist": "delisted",
    "Raise": "raised",
    "Remove": "removed",
    "Resolve": "resolved",
    "Update": "changed",
}


class Verb(NamedTuple):
    """One command, which calls one RPC.

    Attributes:
        rpc: The method of AssetRegistry.
        argument_fields: The request's fields that are arguments, in order; `[field]` is optional.
            Every other field that a user can set is an option.
        summary: What the command does; its first sentence stands in the list of commands.
        example: Arguments and options of a command line that works.
        response_field: The response's field that is shown. Empty: the noun's own; "*": all of it.
        impact: `module:attribute` of a function of the connection and the request, which returns
            what the change turns (None: nothing that is to be asked about).
        required: Fields whose options the writer requires: help marks them.
        note: `module:attribute` of a function of the changed entity, whose text is shown after.
    """

    rpc: str
    argument_fields: str
    summary: str
    example: str
    response_field: str = ""
    note: str = ""
    required: str = ""
    impact: str = ""

    @property
    def arguments(self) -> dict[str, bool]:
        """Field -> whether it is required."""
        return {word.strip("[]"): word[0] != "[" for word in self.argument_fields.split()}

    @property
    def effect(self) -> str:
        """What the RPC does to the entity, such as "added"; empty for a read."""
        return next((e for prefix, e in _EFFECTS.items() if self.rpc.startswith(prefix)), "")

    @property
    def confirms(self) -> bool:
        """Whether the user is asked for confirmation first."""
        return self.effect in ("removed", "delisted")


class Noun(NamedTuple):
    """A kind of entity and its commands.

    Attributes:
        columns: The entity's fields that a list shows.
        verbs: Words, such as "add" or "member add" -> command.
        entity: The contract's name of the entity; empty: the noun's own.
        has_id: Whether a field identifies the entity; otherwise the arguments do.
        aliases: Alternative word -> verb.
        extra_commands: Verb -> `module:attribute` of a command that is no RPC of AssetRegistry.
        default_verb: The verb that runs if the first word is not a verb.
    """

    name: str
    summary: str
    columns: str
    verbs: Mapping[str, Verb]
    entity: str = ""
    has_id: bool = True
    aliases: Mapping[str, str] = {}
    extra_commands: Mapping[str, str] = {}
    default_verb: str = ""

    def example(self, words: str) -> str:
        """The example of a verb as a whole command line."""
        return f"cqar {self.name} {words} {self.verbs[words].example}".rstrip()

    @property
    def entity_field(self) -> str:
        """The response's field that holds one entity."""
        return self.entity or self.name

    @property
    def list_field(self) -> str:
        """The response's field that holds the entities of a list."""
        return f"{self.entity_field}s"

    @property
    def id_field(self) -> str:
        """The entity's field that identifies it; empty without one."""
        return f"{self.name}_id" if self.has_id else ""
