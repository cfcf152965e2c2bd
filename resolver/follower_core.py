"""What a resolver does about what it sees, as protocol.md's tables state it. Pure."""

from __future__ import annotations

import enum

from shared.history import Position


class Do(enum.Enum):
    NOTHING = enum.auto()
    APPLY = enum.auto()
    CATCH_UP = enum.auto()  # read the outbox from mine + 1
    BOOTSTRAP = enum.auto()  # read everything anew
    BUMP = enum.auto()  # ask the writers for a new epoch, then read everything anew


def on_commit(mine: Position, theirs: Position, prev_chain: bytes) -> Do:
    """A change set that ends at `theirs` and continues `prev_chain`."""
    if theirs.epoch != mine.epoch:
        return Do.BOOTSTRAP if theirs.epoch > mine.epoch else Do.NOTHING
    if theirs.revision <= mine.revision:
        forked = theirs.revision == mine.revision and theirs.chain != mine.chain
        return Do.CATCH_UP if forked else Do.NOTHING
    follows = theirs.revision == mine.revision + 1 and prev_chain == mine.chain
    return Do.APPLY if follows else Do.CATCH_UP


def on_reset(mine: Position, theirs: Position) -> Do:
    """The stream does not lead to `theirs`."""
    if theirs == mine or theirs.epoch < mine.epoch:
        return Do.NOTHING
    if theirs.epoch == mine.epoch and theirs.revision != mine.revision:
        return Do.CATCH_UP if theirs.revision > mine.revision else Do.NOTHING
    return Do.BOOTSTRAP


def on_heartbeat(mine: Position, theirs: Position) -> Do:
    """The head, as the relay saw it after all that it published."""
    if theirs.epoch != mine.epoch:
        return Do.BOOTSTRAP if theirs.epoch > mine.epoch else Do.NOTHING
    forked = theirs.revision == mine.revision and theirs.chain != mine.chain
    return Do.CATCH_UP if theirs.revision > mine.revision or forked else Do.NOTHING


def on_head(mine: Position, head: Position, compacted: int) -> Do:
    """The database's head, read to catch up: is there a way from mine to it?"""
    if head == mine:
        return Do.NOTHING
    if head.epoch != mine.epoch or mine.revision < compacted or mine.revision >= head.revision:
        return Do.BOOTSTRAP
    return Do.APPLY


def on_row(mine: Position, row: Position, prev_chain: bytes, *, is_reset: bool) -> Do:
    """The outbox row that is read next while catching up."""
    follows = row.epoch == mine.epoch and row.revision == mine.revision + 1
    if follows and not is_reset and prev_chain == mine.chain:
        return Do.APPLY
    return Do.BOOTSTRAP


def on_snapshot(held: Position | None, found: Position) -> Do:
    """May a snapshot that was just read take the place of what is held?

    Never back in revision, and never sideways: callers were told of what is held.
    """
    if held is None or found == held:
        return Do.APPLY
    onward = found.epoch >= held.epoch and found.revision > held.revision
    return Do.APPLY if onward else Do.BUMP
