"""Pictures are drawn of what is asked for, and what there is nothing of is said."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec

from cqar.embedded.endpoints import Endpoints, StackKeys
from tools.monitoring.panels import Dashboard, Query, panel
from tools.monitoring.pictures.prometheus import Series, configuration
from tools.monitoring.pictures.svg import UNITS, draw, legend_of

ROOT = Path(__file__).parents[3]
BOARD = Dashboard(
    "board",
    "A board",
    (
        panel("Full", "ops", ("a", "{{job}} of {{place}}"), limit=2),
        panel("Infinite", "ms", ("b", "b")),
        panel("Empty", "bytes", ("c", "c")),
        panel("Fourth", "bool", ("a", "a")),
    ),
)


def answer(query: Query) -> list[Series]:
    infinite = [Series({}, [(1_790_000_000.0, math.inf)])]
    full = [
        Series({"job": "writer", "place": "here"}, [(1_790_000_000.0, 1), (1_790_000_060.0, 3)])
    ]
    return {"a": full, "b": infinite}.get(query.expr, [])


def test_every_panel_is_in_the_picture_and_the_empty_ones_are_told(tmp_path: Path) -> None:
    file = tmp_path / "board.svg"
    assert draw(BOARD, answer, file) == ["Infinite", "Empty"]
    text = file.read_text()
    for said in ("A board", "Full", "Infinite", "Empty", "Fourth", "writer of here", "none"):
        assert said in text
    draw(BOARD, answer, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text


def test_a_legend_has_the_labels_values() -> None:
    query = Query("a", "{{job}}: {{none}}{{tier}}")
    assert legend_of(query, {"job": "writer", "tier": "redis"}) == "writer: redis"


def test_every_unit_can_be_written() -> None:
    for unit, formatter in UNITS.items():
        assert any(digit in formatter(1.0, 0) for digit in "1y"), unit


def test_a_prometheus_of_ours_asks_whom_composes_asks() -> None:
    endpoints = Endpoints(
        writer="",
        resolvers=[],
        resolver_sockets=[],
        writer_http="h:1",
        resolver_http=["h:2", "h:3"],
        postgres="",
        nats="",
        redis="",
        keys=StackKeys("", ""),
        pids={},
    )
    made = json.loads(configuration(endpoints))
    compose = msgspec.yaml.decode((ROOT / "deploy/compose/prometheus.yml").read_bytes())
    jobs = {job["job_name"]: job["static_configs"] for job in made["scrape_configs"]}
    assert jobs.keys() | {"prometheus"} == {job["job_name"] for job in compose["scrape_configs"]}
    asked = [config["targets"] for config in jobs["cqar-resolver"]]
    assert asked == [["h:2"], ["h:3"]]
