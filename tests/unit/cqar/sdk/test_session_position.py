"""Positions, up to PostgreSQL's last bigint, and what a session remembers of them."""

from __future__ import annotations

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cqar
from cqar.cli.audit_commands import _parse_recorded
from cqar.cli.param_types import PositionParam
from cqar.sdk import questions
from cqar.sdk.call_context import CallContext
from cqar.sdk.session_position import NUMBER_MAX, Position, SessionPosition

LAST = 2**63 - 1


@given(st.integers(0, LAST), st.integers(0, LAST))
@example(LAST, LAST)
def test_every_possible_position_is_read_back(epoch: int, revision: int) -> None:
    position = Position(epoch, revision)
    assert Position.parse(str(position)) == position
    assert PositionParam().convert(str(position), None, None) == position
    assert _parse_recorded(f"{position}:{'0' * 64}")[:2] == position
    session = CallContext(1.0, SessionPosition("seen"))
    session.carry(position)
    assert session.position == position
    request = questions.watch(revision, epoch, (), ()).request
    assert (request.from_revision, request.epoch) == (revision, epoch)  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", [f"1:{LAST + 1}", f"{LAST + 1}:1", "1:9999999999999999999"])
def test_a_position_that_no_registry_reaches_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"is not within 0 to {NUMBER_MAX}"):
        Position.parse(text)
    with pytest.raises(click.BadParameter, match="is not within 0 to"):
        PositionParam().convert(text, None, None)
    with pytest.raises(click.BadParameter, match="is not within 0 to"):
        _parse_recorded(f"{text}:00")


@pytest.mark.parametrize("text", ["", "42", "1:", "1:x", "-1:2", "1:2:3", "1:" + "9" * 20, "1:٤"])
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no EPOCH:REVISION such as 1:42"):
        Position.parse(text)


@pytest.mark.parametrize("position", [Position(1, LAST + 1), Position(-1, 1)])
def test_a_program_cannot_carry_or_watch_from_an_impossible_position(position: Position) -> None:
    with pytest.raises(ValueError, match="is not within 0 to"):
        CallContext(1.0, SessionPosition("seen")).carry(position)
    with pytest.raises(cqar.InvalidRequest, match="is not within 0 to"):
        questions.watch(position.revision, position.epoch, (), ())


def test_a_position_is_read_from_trailing_metadata() -> None:
    metadata = (("other", b"x"), ("cqar-revision", "42"), ("cqar-epoch", "1"))
    assert Position.of(metadata) == (1, 42)
    assert Position.of(metadata[:2]) is None
    assert Position.of(None) is None


def test_a_session_never_goes_back_until_it_forgets() -> None:
    session = SessionPosition("seen")
    for position, held in (((1, 5), (1, 5)), ((1, 4), (1, 5)), ((2, 1), (2, 1)), ((1, 9), (2, 1))):
        session.observe(Position(*position))
        assert session.position == held
    session.observe(None)
    assert session.position == (2, 1)
    session.forget()
    assert session.position is None


def test_in_mode_told_only_required_positions_count() -> None:
    session = SessionPosition("told")
    session.observe(Position(1, 5))
    assert session.position is None
    session.require(Position(1, 3))
    assert session.position == (1, 3)
    with pytest.raises(ValueError, match="'seen' or 'told'"):
        SessionPosition("carry")  # type: ignore[arg-type]
