"""What to do next, for each way in which a writer refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cqar.admin.connection import CallFailed
from cqar.cli.nouns.id_lookup import AmbiguousName
from cqar.cli.nouns.model import Noun, Verb

#: By the registry's reason, else by gRPC's status.
_HINTS: Final = {
    "ABORTED": "see what became of it with: cqar history KIND:KEY",
    "ALREADY_EXISTS": "see it with: cqar {noun} list",
    "DEADLINE_EXCEEDED": "try again; with --idempotency-key a change is made once, however often",
    "IN_USE": "remove what uses it first",
    "INVALID_ARGUMENT": "what it takes: cqar {noun} {verb} --help",
    "NOT_FOUND": "see what there is with: cqar {missing} list",
    "PERMISSION_DENIED": "give a key that may change things: --key, or CQAR_KEY",
    "RESOURCE_EXHAUSTED": "ask for less: cqar {noun} {verb} --help",
    "UNAUTHENTICATED": "give an API key: --key, or CQAR_KEY",
}
#: What the registry calls what we call otherwise.
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
def with_hint(noun: Noun, verb: Verb) -> Iterator[None]:
    """Say after a refusal what to do next, where it does not say so itself."""
    try:
        yield
    except AmbiguousName:
        raise
    except CallFailed as error:
        text = _HINTS.get(error.reason, _HINTS.get(error.code))
        if text is None:
            raise
        words = next(words for words, known in noun.verbs.items() if known == verb)
        missing = error.reason.removesuffix("_NOT_FOUND")
        advice = text.format(
            noun=noun.name,
            verb=words,
            missing=_NOUN_OF_ENTITY.get(missing, missing.lower() or noun.name),
        )
        raise CallFailed(f"{error}\n{advice}", error.code, error.reason) from error
