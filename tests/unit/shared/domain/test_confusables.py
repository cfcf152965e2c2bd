"""Names that look alike have one skeleton; names that people tell apart have two."""

from __future__ import annotations

import pytest

from cqar_shared.domain.confusables import mixes_scripts, skeleton


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("ops", "OPS"),
        ("ops", "оps"),
        ("ops", "ор\u0455"),
        ("ops", "o\u200bps"),
        ("ops", "\uff4fps"),
        ("ops", "ops\ufe0f"),
        ("desk-1", "desk-l"),
        ("desk-1", "desk\u20111"),
        ("desk 1", "desk\u00a0 I"),
        ("bot0", "BOTO"),
        ("KAT", "ΚΑΤ"),
    ],
)
def test_names_that_look_alike_are_alike(name: str, twin: str) -> None:
    assert skeleton(name) == skeleton(twin)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ops", "opss"),
        ("desk-1", "desk-2"),
        ("desk 1", "desk1"),
        ("rene", "rené"),
        ("张伟", "张维"),
    ],
)
def test_names_that_people_tell_apart_are_not(name: str, other: str) -> None:
    assert skeleton(name) != skeleton(other)


def test_scripts_that_nobody_writes_together_are_mixed() -> None:
    assert mixes_scripts("оps")
    assert mixes_scripts("деск张")
    assert not any(map(mixes_scripts, ("ops", "деск 1", "desk 张伟", "ﾃﾞｽｸ Tokyo", "42", "")))
