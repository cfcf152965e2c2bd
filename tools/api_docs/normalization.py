"""Takes out of an answer what differs between two runs: new ids, times, revisions, hashes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from operator import itemgetter
from typing import Any, Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_REVISION: Final = re.compile(r"\brevision \d+")
_ADDRESS: Final = re.compile(r"\b127\.0\.0\.1:\d+")

#: Fields whose values are of one run only -> what stands for them.
_FIELDS: Final = {
    "revision": "<revision>",
    "staleness_ms": "<milliseconds>",
    "facts_age_ms": "<milliseconds>",
    "memory_bytes": "<bytes>",
    "version": "<version>",
    "registry_id": "<base64>",
    "chain": "<base64>",
    "set_hash": "<base64>",
    "request_id": "<request id>",
    "member_id": "<uuid>",
    "key_hash": "<sha256>",
}
#: Fields whose entries protobuf hands out in any order.
_MAPS: Final = ("counts", "metadata")
#: Lists in the order of random ids -> by what they are shown instead.
_LISTS: Final = {"keys": "actor"}
#: Fields of a history's entry that hold whole messages, times included.
_PAYLOADS: Final = ("before", "after")


def normal(value: Any, stated: Collection[str] = (), field: str = "") -> Any:
    """The answer, the same for every run.

    Args:
        stated: Ids and times that requests state; they stay as they are.
        field: Where the value stands.
    """
    if isinstance(value, dict):
        items = sorted(value.items()) if field in _MAPS else value.items()
        payloads = _PAYLOADS if "committed_at" in value else ()
        return {
            key: "<base64>" if key in payloads else normal(item, stated, key) for key, item in items
        }
    if isinstance(value, list):
        found = [normal(item, stated, field) for item in value]
        return sorted(found, key=itemgetter(_LISTS[field])) if field in _LISTS else found
    if not isinstance(value, str):
        return value
    return _FIELDS.get(field) or (value if value in stated else normal_text(value))


def normal_text(text: str) -> str:
    """Words, the same for every run. Ids that are made from names (version 5) stay."""
    text = _UUID.sub(lambda m: "<uuid>" if uuid.UUID(m[0]).version == 4 else m[0], text)
    text = _TIME.sub("<time>", text)
    text = _REVISION.sub("revision <revision>", text)
    return _ADDRESS.sub("127.0.0.1:9090", text)


def strings_in(value: Any) -> set[str]:
    """Every string of a request."""
    if isinstance(value, dict):
        return set().union(*map(strings_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings_in, value))
    return {value} if isinstance(value, str) else set()
