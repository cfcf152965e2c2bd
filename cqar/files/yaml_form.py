"""Records as YAML: one document a record, with a comment behind each id that says whose it is.

YAML has its own mind about bare words: NO is false to it, and 1e5 a number. What is written here
is quoted where that would change it; what is read keeps its text, and the field's type decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from cqar.files.placed_record import PlacedRecord, UnusableFile, read_text
from cqar.files.record_form import Plain, identity_of, normal

DEPTH_MAX: Final = 32
_ID_LINE: Final = re.compile(r"^(\s*(?:- )?\w*_?id: )([0-9a-f-]{36})$", re.MULTILINE)
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
SEPARATOR: Final = "---\n"


def yaml_block(record: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A record as the text of one YAML document, without its separator.

    Args:
        labels: Id -> what people call it; it becomes a comment, which nothing reads.
    """
    text: str = yaml.dump(
        dict(record), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return _ID_LINE.sub(lambda m: _labelled(m[1], m[2], labels), text)


def _labelled(before: str, entity_id: str, labels: Mapping[str, str]) -> str:
    label = labels.get(entity_id, "")
    is_safe = label and label.isprintable()
    return f"{before}{entity_id}  # {label}" if is_safe else f"{before}{entity_id}"


def read_yaml(path: Path) -> Iterator[PlacedRecord]:
    """The records of a file: one a document, or a list of them.

    Raises:
        UnusableFile: It cannot be read, is no YAML, has aliases or a key twice, or is too deep.
    """
    text = read_text(path)
    try:
        for document in yaml.compose_all(text, Loader=_LOADER):
            if document is None:
                continue
            nodes = document.value if isinstance(document, yaml.SequenceNode) else [document]
            for node in nodes:
                place = f"{path}:{node.start_mark.line + 1}"
                yield PlacedRecord(place, _record(node, place))
    except yaml.YAMLError as error:
        raise UnusableFile(f"{path} is no YAML: {_in_one_line(error)}") from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _record(node: yaml.Node | None, place: str) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise UnusableFile(f"{place}: a record is an object of fields, with its kind")
    found: dict[str, Any] = _value(node, place, DEPTH_MAX, set())
    return found


def _value(node: yaml.Node, place: str, depth: int, seen: set[int]) -> Any:
    if depth == 0:
        raise UnusableFile(f"{place}: more than {DEPTH_MAX} levels")
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else Plain(node.value)
    if id(node) in seen:
        raise UnusableFile(f"{place}: an alias (*name): write the value itself")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, place, depth - 1, seen) for item in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            line = key.start_mark.line + 1
            raise UnusableFile(f"{place}: the key {name[:80]!r} stands twice, again in line {line}")
        found[name] = _value(value, place, depth - 1, seen)
    return found


class _Block(NamedTuple):
    """A record's text in a file, and the lines of comments above it."""

    comments: str
    text: str


def written_anew(records: Iterable[tuple[dict[str, Any], str]], path: Path) -> str:
    """The text of a file that is written again: what people added in comments stays.

    A record that is as it was keeps its text; of another one the comment lines above it stay.

    Args:
        records: Each with its text, in their order.
        path: The file as it is; it need not be there.

    Raises:
        UnusableFile: The file at this path was not written by an export.
    """
    kept, head = _blocks(path) if path.exists() else ({}, "")
    parts = [head]
    for record, text in records:
        comments, was = kept.get(identity_of(record), _Block("", ""))
        is_same = bool(was) and _normal_record(was, path) == record
        parts += [SEPARATOR, comments, was if is_same else text]
    return "".join(parts)


def _normal_record(text: str, path: Path) -> dict[str, Any] | None:
    return normal(_record(yaml.compose(text, Loader=_LOADER), str(path)))


def _blocks(path: Path) -> tuple[dict[tuple[str, ...], _Block], str]:
    """Identity of a record -> its block, and the comments at the head of the file."""
    head, *blocks = re.split(r"^---[ \t]*\n", read_text(path), flags=re.MULTILINE)
    found = {}
    try:
        for block in blocks:
            lines = block.splitlines(keepends=True)
            is_above = (not line.strip() or line.startswith("#") for line in lines)
            count = len([*takewhile(bool, is_above)])
            text = "".join(lines[count:])
            if text:
                record = _record(yaml.compose(text, Loader=_LOADER), str(path))
                found[identity_of(record)] = _Block("".join(lines[:count]), text)
    except yaml.YAMLError as error:
        raise UnusableFile(f"{path} is no YAML: {_in_one_line(error)}") from error
    if head.strip() and not all(not s.strip() or s.startswith("#") for s in head.splitlines()):
        raise UnusableFile(f"{path} was not written by an export: write into another folder")
    return found, head
