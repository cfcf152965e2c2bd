"""A forger can make a counter rise, and not a log."""

from __future__ import annotations

import logging

import pytest

from cqar_shared.redis_store import refused_values


def test_each_is_counted_and_one_a_minute_is_logged_for_each_source(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(refused_values, "_said_s", {})
    monkeypatch.setattr(refused_values.time, "monotonic", lambda: now_s)
    before = refused_values.REFUSED.labels("cache")._value.get()
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            refused_values.note("cache", "the value of venue:a")
        refused_values.note("image", "its manifest")
        now_s += refused_values.APART_S
        refused_values.note("cache", "the value of venue:b")
    assert refused_values.REFUSED.labels("cache")._value.get() == before + 101
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(".")[0] for text in said] == [
        "not believed, and not used: the value of venue:a",
        "not believed, and not used: its manifest",
        "not believed, and not used: the value of venue:b",
    ]
