"""The rows of `current`, `entity_revisions` and `listing_terms` that a revision changes.

They are saved by one statement with the revision itself (`cqar_writer.store.outbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple


class CurrentRow(NamedTuple):
    """An entity as of a revision."""

    kind: str
    key: str
    revision: int
    payload: bytes
    deleted: bool
    archived: bool


class SavedEntities(NamedTuple):
    """What a revision saves.

    Attributes:
        terms: Listings, each with its payload, whose terms hold from `terms_since` on.
    """

    rows: Sequence[CurrentRow]
    terms: Sequence[tuple[bytes, Any]] = ()

    def parameters(self) -> dict[str, list[Any]]:
        """The values that SAVE_CURRENT and SAVE_TERMS take."""
        columns = map(list, zip(*self.rows, strict=True))
        current = {
            f"current_{name}": column
            for name, column in zip(CurrentRow._fields, columns, strict=True)
        }
        return current | {
            "term_ids": [listing.listing_id for _, listing in self.terms],
            "term_since": [listing.terms_since for _, listing in self.terms],
            "term_payloads": [payload for payload, _ in self.terms],
        }


#: Parts of a WITH: saves the rows, and in `entity_revisions` which revisions changed each entity.
SAVE_CURRENT: Final = (
    "given AS MATERIALIZED (SELECT * FROM unnest(CAST(:current_kind AS text[]),"
    " CAST(:current_key AS text[]), CAST(:current_revision AS bigint[]),"
    " CAST(:current_payload AS bytea[]), CAST(:current_deleted AS boolean[]),"
    " CAST(:current_archived AS boolean[]))"
    " AS g(kind, key, revision, payload, deleted, archived)),"
    " noted AS (INSERT INTO entity_revisions (kind, key, revision)"
    " SELECT kind, key, revision FROM given),"
    " saved AS (INSERT INTO current (kind, key, revision, payload, deleted, archived)"
    " SELECT * FROM given"
    " ON CONFLICT (kind, key) DO UPDATE SET revision = excluded.revision,"
    " payload = excluded.payload, deleted = excluded.deleted, archived = excluded.archived)"
)
#: A part of a WITH: saves listings under the instants from which their terms hold.
SAVE_TERMS: Final = (
    "dated AS (INSERT INTO listing_terms (listing_id, since, payload) SELECT * FROM"
    " unnest(CAST(:term_ids AS uuid[]), CAST(:term_since AS timestamptz[]),"
    " CAST(:term_payloads AS bytea[]))"
    " ON CONFLICT (listing_id, since) DO UPDATE SET payload = excluded.payload)"
)
