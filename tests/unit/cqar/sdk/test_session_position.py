"""Positions as people type and programs carry them: 19 digits, up to PostgreSQL's last bigint."""

from __future__ import annotations

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cqar
from cqar.cli.param_types import At
from cqar.cli.verify import _noted
from cqar.sdk import questions
from cqar.sdk.call_context import CallContext
from cqar.sdk.session_position import NUMBER_MAX, Position, SessionPosition

LAST = 2**63 - 1


@given(st.integers(0, LAST), st.integers(0, LAST))
@example(LAST, LAST)
def test_every_position_that_can_be_is_read_back(epoch: int, revision: int) -> None:
    position = Position(epoch, revision)
    assert Position.parse(str(position)) == position
    assert At().convert(str(position), None, None) == position
    assert _noted(f"{position}:{'0' * 64}")[:2] == position
    session = CallContext(1.0, SessionPosition("seen"))
    session.carry(position)
    assert session.position == position
    request = questions.watch(revision, epoch, (), ()).request
    assert (request.from_revision, request.epoch) == (revision, epoch)  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", [f"1:{LAST + 1}", f"{LAST + 1}:1", "1:9999999999999999999"])
def test_what_no_registry_reaches_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=f"is not within 0 to {NUMBER_MAX}"):
        Position.parse(text)
    with pytest.raises(click.BadParameter, match="is not within 0 to"):
        At().convert(text, None, None)
    with pytest.raises(click.BadParameter, match="is not within 0 to"):
        _noted(f"{text}:00")


@pytest.mark.parametrize("text", ["", "42", "1:", "-1:2", "1:2:3", "1:" + "9" * 20, "1:٤"])
def test_what_has_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no EPOCH:REVISION such as 1:42"):
        Position.parse(text)


@pytest.mark.parametrize("position", [Position(1, LAST + 1), Position(-1, 1)])
def test_a_program_cannot_carry_or_watch_from_what_cannot_be(position: Position) -> None:
    with pytest.raises(ValueError, match="is not within 0 to"):
        CallContext(1.0, SessionPosition("seen")).carry(position)
    with pytest.raises(cqar.InvalidRequest, match="is not within 0 to"):
        questions.watch(position.revision, position.epoch, (), ())
