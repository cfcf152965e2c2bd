"""Adds what to do next to a writer's refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cqar.admin.connection import CallFailed
from cqar.cli.nouns.id_lookup import AmbiguousName
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.parameters import FieldParameter

#: Hint by the registry's reason, else by gRPC's status.
_HINTS: Final = {
    "ABORTED": "see its history with: cqar history KIND:KEY",
    "ALREADY_EXISTS": "see it with: cqar {noun} list",
    "DEADLINE_EXCEEDED": "try again; with --idempotency-key a repeated change is applied once",
    "IN_USE": "remove what uses it first",
    "INVALID_ARGUMENT": "see the accepted values with: cqar {noun} {verb} --help",
    "NOT_FOUND": "see what exists with: cqar {missing} list",
    "PERMISSION_DENIED": "give a key that may make changes: --key, or CQAR_KEY",
    "RESOURCE_EXHAUSTED": "ask for less: cqar {noun} {verb} --help",
    "UNAUTHENTICATED": "give an API key: --key, or CQAR_KEY",
}
#: The registry's kinds whose noun has another name.
_NOUN_OF_ENTITY: Final = {
    "ASSET_GROUP": "group",
    "ASSET_GROUP_MEMBER": "group",
    "ASSET_DEPLOYMENT": "deployment",
    "ASSET_RELATIONSHIP": "relationship",
    "QUALITY_FLAG": "flag",
    "VENUE_SYMBOL": "listing",
    "VENUE_ASSET": "venue-asset",
}


@contextmanager
def with_hint(noun: Noun, verb: Verb, parameters: Sequence[FieldParameter] = ()) -> Iterator[None]:
    """Append a hint to a `CallFailed` from the block, unless the error names candidates itself.

    Args:
        parameters: The command's: what is wrong is said of them, and not of the request's fields.
    """
    try:
        yield
    except AmbiguousName:
        raise
    except CallFailed as error:
        hint = _HINTS.get(error.reason, _HINTS.get(error.code))
        if hint is None:
            raise
        words = next(words for words, known in noun.verbs.items() if known == verb)
        missing = error.reason.removesuffix("_NOT_FOUND")
        missing_noun = _NOUN_OF_ENTITY.get(missing, missing.lower() or noun.name)
        text = hint.format(noun=noun.name, verb=words, missing=missing_noun)
        told = _by_parameter(error, parameters) or str(error)
        raise error.reworded(f"{told}\n{text}") from error


def _by_parameter(error: CallFailed, parameters: Sequence[FieldParameter]) -> str:
    """What is wrong, with each field by the option or argument that the user types."""
    typed = {item.path: item.typed for item in parameters}
    return "\n".join(
        f"{typed.get(v.field, v.field) or 'request'}: {v.message}" for v in error.violations
    )
