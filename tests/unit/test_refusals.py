"""A forger can make a counter rise, and not a log."""

from __future__ import annotations

import logging

import pytest

from shared import refusals


def test_each_is_counted_and_one_a_minute_is_logged_for_each_source(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(refusals, "_said_s", {})
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now_s)
    before = refusals.REFUSED.labels("cache")._value.get()
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            refusals.note("cache", "the value of venue:a")
        refusals.note("image", "its manifest")
        now_s += refusals.APART_S
        refusals.note("cache", "the value of venue:b")
    assert refusals.REFUSED.labels("cache")._value.get() == before + 101
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(".")[0] for text in said] == [
        "not believed, and not used: the value of venue:a",
        "not believed, and not used: its manifest",
        "not believed, and not used: the value of venue:b",
    ]
