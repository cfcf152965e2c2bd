"""A venue's change of form as findings: the difference, the last good answer, the reader's line.

Rows that the reader cannot read any more are UNREADABLE as they are; this only says why. Pure.
"""

from __future__ import annotations

import datetime as dt
import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import msgspec

from cqar.importer.answer_forms import (
    AnswerForm,
    FormDifference,
    differences,
    form_of,
    records_in,
)
from cqar.importer.readers.product_line import (
    Form,
    ProductLine,
    RawRecord,
    SideForm,
    matching,
)
from cqar.importer.record_fields import record_in
from cqar.importer.saved_answers import DecodedAnswer
from cqar_shared.domain.finding_policy import (
    DEFAULT_RULES,
    FindingKind,
    FindingRule,
    rule_for,
    with_id,
)
from cqar_shared.domain.kinds.finding import (
    DETAIL_CHARS_MAX,
    READER_CHARS_MAX,
    Finding,
    FindingDifference,
    FindingEvidence,
    FindingRecord,
    FindingState,
)
from cqar_shared.domain.rules import REQUEST_CHARS_MAX

#: Of one round; more are one reason to look at the venue.
FINDINGS_MAX: Final = 16
#: Of an answer that was not read at all, only its outer parts are compared.
OUTER_NAMES_MAX: Final = 2
WORD_CHARS_MAX: Final = 64
_REPOSITORY: Final = Path(__file__).resolve().parents[2]

AnyForm = Form[Any] | SideForm[Any, Any]


def forms_of(
    line: ProductLine, answers: Iterable[DecodedAnswer], at: dt.datetime
) -> dict[str, AnswerForm]:
    """The form of each request's answer, by the name of the request; its pages are one."""
    pages: dict[str, list[DecodedAnswer]] = {}
    for answer in answers:
        found = matching(answer.name, (*line.requests, *line.currency_requests))
        if found is not None:
            pages.setdefault(line.file_name(found[0]), []).append(answer)
    return {
        name: AnswerForm(
            sha256=given[0].sha256,
            taken_s=(given[0].taken_at or at).timestamp(),
            whole=form_of(answer.value for answer in given),
        )
        for name, given in pages.items()
    }


def form_findings(
    line: ProductLine,
    venue_id: str,
    before: Mapping[str, AnswerForm],
    after: Mapping[str, AnswerForm],
    rules: Sequence[FindingRule] = DEFAULT_RULES,
    *,
    is_read: bool,
) -> list[Finding]:
    """What answers had and have no more, of all that the reader uses.

    Args:
        before: Forms of the last good answers.
        is_read: Whether the reader took the answers; if not, what their outer parts lack counts,
            whether the reader names it or not.
    """
    found: list[Finding] = []
    for name, old in before.items():
        new = after.get(name)
        if new is None or (not is_read and _is_an_error(old, new)):
            continue
        readers = _readers(line, name)
        for difference in differences(old.whole, new.whole):
            where = _line_of(readers, difference)
            if where is None and not is_read and len(difference.names) <= OUTER_NAMES_MAX:
                where = _rows_line(readers)
            if where is not None:
                found.append(_finding(line, venue_id, name, old, difference, where))
    whole = [with_id(finding) for finding in found[:FINDINGS_MAX]]
    return [_with_policy(finding, rules) for finding in whole]


def _is_an_error(old: AnswerForm, new: AnswerForm) -> bool:
    """Whether an answer that was not read has no records at all: it says what is wrong instead."""
    return 2 * records_in(new.whole) < records_in(old.whole)


def superseded(known: Iterable[Finding], venue_id: str, found: Iterable[Finding]) -> list[Finding]:
    """What was found before of a venue's form and is not so any more, as the writer takes it."""
    ids = {finding.finding_id for finding in found}
    return [
        msgspec.structs.replace(finding, state=FindingState.SUPERSEDED)
        for finding in known
        if finding.kind == FindingKind.CHANGED_FORM
        and finding.venue_id == venue_id
        and finding.finding_id not in ids
        and finding.state in (FindingState.OPEN, FindingState.HELD)
    ]


def _finding(
    line: ProductLine,
    venue_id: str,
    request: str,
    old: AnswerForm,
    difference: FormDifference,
    where: str,
) -> Finding:
    before = f"{difference.before}, in {request}"
    after = f"{difference.after}, in {request}" if difference.after else None
    now = f"is {difference.after}" if difference.after else "is gone"
    taken_at = dt.datetime.fromtimestamp(old.taken_s, dt.UTC)
    return Finding(
        kind=FindingKind.CHANGED_FORM.value,
        venue_id=venue_id,
        differences=(FindingDifference(field=_word(difference.path), before=before, after=after),),
        evidence=(FindingEvidence(kind="READER", detail=where[:DETAIL_CHARS_MAX]),),
        records=(
            FindingRecord(
                is_before=True,
                request=request[:REQUEST_CHARS_MAX],
                sha256=old.sha256,
                taken_at=taken_at,
                reader=line.reader[:READER_CHARS_MAX],
            ),
        ),
        summary=_shown(
            f"{request}: {difference.path} was {difference.before} and {now}; read at {where}"
        ),
    )


def _with_policy(finding: Finding, rules: Sequence[FindingRule]) -> Finding:
    rule = rule_for(finding, rules)
    return msgspec.structs.replace(finding, action=rule.action, policy=rule.name)


def _word(path: str) -> str:
    """A path as the name of a field: its end says most."""
    text = "".join(c if c.isascii() and c.isprintable() and c != " " else "?" for c in path)
    return text if len(text) <= WORD_CHARS_MAX else f"..{text[2 - WORD_CHARS_MAX :]}"


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:256]


# ---------------------------------------------------------------- the reader's lines


def _readers(line: ProductLine, name: str) -> list[AnyForm]:
    """The forms that read a request's answer, today's first."""
    requests = (*line.requests, *line.currency_requests)
    request = next((r for r in requests if line.file_name(r) == name), None)
    listing: list[AnyForm] = [f for f in line.forms if request in (*f.lists, *f.also)]
    return [*listing, *(form for form in line.currencies if request in form.requests)]


def _line_of(readers: Iterable[AnyForm], difference: FormDifference) -> str | None:
    """Where a reader declares the field: `cqar/importer/readers/okx.py:88`; None: nowhere."""
    if not difference.names:
        return None
    for form in readers:
        record: Any = form.record
        if where := _declared(record).get(difference.names[-1]):
            return where
    return None


@lru_cache(256)
def _declared(record: type[RawRecord]) -> dict[str, str]:
    """Name of a record's field, or of one within it -> where it is declared."""
    found: dict[str, str] = {}
    hints = typing.get_type_hints(record)
    file, lines = _source(record)
    for name, field in zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True):
        found.setdefault(name, f"{file}:{lines.get(field, lines[''])}")
        inner = record_in(hints[field])
        if inner is not None:
            found = {**_declared(inner), **found}
    return found


def _source(record: type[RawRecord]) -> tuple[str, dict[str, int]]:
    """A struct's file, and the line of each of its fields; its own under the empty name."""
    lines, first = inspect.getsourcelines(record)
    numbers = {"": first}
    for place, text in enumerate(lines):
        name, colon, _ = text.strip().partition(":")
        if colon and name.isidentifier():
            numbers.setdefault(name, first + place)
    return _relative(inspect.getsourcefile(record) or "?"), numbers


def _rows_line(readers: Iterable[AnyForm]) -> str | None:
    """Where the records are taken from the answer."""
    for form in readers:
        rows: Any = form.rows
        while isinstance(rows, partial):
            rows = rows.func
        if isinstance(rows, FunctionType):
            code = rows.__code__
            return f"{_relative(code.co_filename)}:{code.co_firstlineno}"
    return None


def _relative(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_REPOSITORY)) if path.is_relative_to(_REPOSITORY) else path.name
