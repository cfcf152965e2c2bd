"""The reconciler's settings: from a file that it shares with services, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqar.reconciler.config import SECTION, ReconcilerConfig, require_usable
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import load, shown

NEEDED = {
    "CQAR_RECONCILER_KEY_FILE": "/run/key",
    "CQAR_RECONCILER_STATE_FOLDER": "/var/lib/r",
    "CQAR_RECONCILER_VENUES": '[{"venue_id": "kraken"}, {"venue_id": "okx", "interval_s": 60}]',
}


def loaded(**changes: str) -> ReconcilerConfig:
    named = {f"CQAR_RECONCILER_{name.upper()}": value for name, value in changes.items()}
    settings = load(ReconcilerConfig, SECTION, {"CQAR_CONFIG": "", **NEEDED, **named})
    require_usable(settings)
    return settings


def test_a_venue_has_its_own_interval_or_that_of_all() -> None:
    settings = loaded(interval_s="120")
    assert [settings.interval_of(v) for v in ("kraken", "okx")] == [120.0, 60.0]


def test_base_urls_are_an_object() -> None:
    assert loaded(base_urls='{"*": "http://sim:1"}').base_urls == {"*": "http://sim:1"}


def test_it_shares_a_file_with_services_whose_databases_it_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "common: {database_url: postgresql://a/b, nats_url: nats://c, log_level: DEBUG}\n"
        "writer: {relay_poll_s: 1}\n"
        "reconciler:\n  key_file: k\n  state_folder: s\n  venues: [{venue_id: kraken}]\n"
    )
    settings = load(ReconcilerConfig, SECTION, {"CQAR_CONFIG": str(path)})
    assert (settings.log_level, settings.state_folder) == ("DEBUG", "s")
    path.write_text("common: {data_base_url: x}\n")
    with pytest.raises(InvalidConfiguration, match=r"common\.data_base_url"):
        load(ReconcilerConfig, SECTION, {"CQAR_CONFIG": str(path), **NEEDED})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"venues": "[]"}, "length >= 1"),
        ({"venues": '[{"venue_id": "Kraken"}]'}, "must be 1 to 64 lower-case"),
        ({"venues": '[{"venue_id": "a"}, {"venue_id": "a"}]'}, "named twice"),
        ({"venues": '[{"venue_id": "a", "every": 1}]'}, "every"),
        ({"base_urls": '{"kraken": "file:///etc"}'}, "base_urls: kraken: a base URL"),
        ({"interval_s": "0.5"}, ">= 1"),
        ({"writer_certificate": "c"}, "go together"),
        ({"writer": "nowhere"}, "HOST:PORT"),
        ({"database_url": "postgresql://a/b"}, "unknown setting"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfiguration, match=says):
        loaded(**changes)


def test_the_settings_in_effect_can_be_shown() -> None:
    assert "venue_id: okx" in shown(loaded(), SECTION)
