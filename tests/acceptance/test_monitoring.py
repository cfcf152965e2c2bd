"""Every query of dashboards, alerts and recording rules names what running services export."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

import aiohttp
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from cqar.embedded.endpoints import Endpoints
from loadtests.locust_runner import LoadSize, run_locust
from loadtests.mixes import ADMIN, CQMD, CQVX
from loadtests.own_stack import fill
from loadtests.run_plan import runs_on_stack
from tests.acceptance.conftest import Stack
from tests.reconciler.played_venues import GATE
from tests.reconciler.reconciler_process import ReconcilerProcess
from tests.reconciler.venue_server import VenueServer
from tests.support.commits import eventually
from tools.monitoring import grafana, rules
from tools.monitoring.promql import Matcher, named

SECONDS: Final = 5
ACTS_PER_S: Final = 40
#: Of the target, not of the metric: Prometheus adds them.
TARGET: Final = {"job", "instance", "namespace"}
#: Prometheus's own.
OWN: Final = {"up": TARGET, "ALERTS": {"alertname", "alertstate", "severity"}}
JOBS: Final = {"cqar-writer", "cqar-resolver"}
#: Of what no healthy stack has: a failure, an altered row, a wrong key, a certificate (no TLS).
NEVER: Final = {
    # No endpoint is configured.
    "cqar_reconciler_webhooks_total",
    "cqar_reconciler_webhook_dead_letters",
    "cqar_reconciler_webhook_revision",
    "cqar_altered_rows_total",
    "cqar_auth_refused_total",
    "cqar_certificate_expiry_timestamp_seconds",
}

QUERIES: Final = sorted({*grafana.queries(), *(rule["expr"] for rule in rules.rules())})


class Exported(NamedTuple):
    """What /metrics say.

    Attributes:
        jobs: Metric -> who exports it.
        labels: Metric -> labels of its samples, or those that it was declared with.
        values: (metric, label) -> its values.
    """

    jobs: Mapping[str, set[str]]
    labels: Mapping[str, set[str]]
    values: Mapping[tuple[str, str], set[str]]


def declared(name: str) -> set[str]:
    """The labels of a metric that has no sample yet."""
    collector = REGISTRY._names_to_collectors.get(name)
    return set(getattr(collector, "_labelnames", None) or getattr(collector, "labels", ()))


def read(pages: Mapping[str, str]) -> Exported:
    jobs: dict[str, set[str]] = defaultdict(set)
    labels: dict[str, set[str]] = defaultdict(set)
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for job, text in pages.items():
        for family in text_string_to_metric_families(text):
            own = f"{family.name}_total" if family.type == "counter" else family.name
            names = {own, *(sample.name for sample in family.samples)}
            for name in names:
                jobs[name].add(job)
            if not family.samples:
                labels[own] |= declared(own)
            for sample in family.samples:
                labels[sample.name] |= sample.labels.keys()
                for label, value in sample.labels.items():
                    values[sample.name, label].add(value)
    return Exported(jobs, labels, values)


async def pages_of(endpoints: Endpoints, reconciler: str) -> dict[str, str]:
    """What each of them exports.

    Args:
        reconciler: HOST:PORT of its metrics.
    """
    addresses = {
        "cqar-writer": endpoints.writer_http,
        "cqar-resolver": endpoints.resolver_http[0],
        "cqar-reconciler": reconciler,
    }
    async with aiohttp.ClientSession() as session:
        found = {}
        for job, address in addresses.items():
            async with session.get(f"http://{address}/metrics") as answer:
                assert answer.status == 200
                found[job] = await answer.text()
    return found


@pytest.fixture(scope="module")
async def reconciler(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ReconcilerProcess]:
    """One that has read a simulated venue."""
    folder = tmp_path_factory.mktemp("reconciler")
    await stack.ok("catalogue", "load", "--no-listings")
    made = await stack.ok("keys", "make", "reconciler", "--role", "write")
    (folder / "key").write_text(made.out.strip())
    with VenueServer().running() as venue:
        venue.answer(GATE.address, GATE.body(0))
        settings: dict[str, object] = {
            "writer": stack.endpoints.writer,
            "key_file": str(folder / "key"),
            "venues": [{"venue_id": GATE.venue_id}],
            "base_urls": {"*": venue.base_url},
            "interval_s": 1,
        }
        process = ReconcilerProcess("one", folder, settings)
        await process.start()
        await process.until_ready()
        yield process
        await process.kill()


@pytest.fixture(scope="module")
async def exported(stack: Stack, reconciler: ReconcilerProcess) -> Exported:
    """After a little of what each kind of user does, and of what a venue says."""
    await asyncio.to_thread(fill, stack.endpoints)
    reports = stack.state_dir / "reports"
    for run in runs_on_stack(stack.endpoints, [CQMD, CQVX, ADMIN]):
        await run_locust(run, LoadSize(SECONDS, ACTS_PER_S, warm_up_s=0), reports)

    async def looked_at_all() -> bool:
        pages = await pages_of(stack.endpoints, reconciler.http)
        text = pages["cqar-writer"]
        rounds = "cqar_reconciler_changes_total{" in pages["cqar-reconciler"]
        return rounds and all(
            f'cqar_stream_bytes{{stream="{s}"}}' in text for s in ("CQAR_CHANGES", "CQC_EVENTS")
        )

    await eventually(looked_at_all, 60)
    return read(await pages_of(stack.endpoints, reconciler.http))


def recorded_labels() -> dict[str, set[str]]:
    """What recording rules make, with the labels that are left."""
    return {
        rule["record"]: named(rule["expr"]).grouped - {"le"}
        for rule in rules.rules()
        if "record" in rule
    }


def faults(query: str, exported: Exported) -> list[str]:
    """What a query names that is not there."""
    recorded, found = recorded_labels(), named(query)
    wrong, known = [], set(TARGET)
    for metric, matchers in found.selectors:
        if metric in recorded or metric in OWN:
            labels = recorded.get(metric) or OWN[metric]
        elif metric in exported.jobs:
            labels = exported.labels[metric]
            wrong += _unlike(metric, matchers, exported)
        else:
            wrong.append(f"{metric} is not exported")
            continue
        known |= labels
        strange = {matcher.label for matcher in matchers} - labels - TARGET
        wrong += [f"{metric} has no label {label}" for label in sorted(strange)]
    return wrong + [f"nothing there has a label {label}" for label in sorted(found.grouped - known)]


def _unlike(metric: str, matchers: list[Matcher], exported: Exported) -> list[str]:
    """Matchers that match none of the values that there are."""
    wrong = []
    for label, operator, value in matchers:
        there = exported.jobs[metric] if label == "job" else exported.values[metric, label]
        # Which codes and causes there are depends on what failed: =~ may name what never happened.
        if operator == "=" and value not in there:
            wrong.append(f'no {metric} has {label}="{value}"')
        if operator == "=~" and label == "job":
            wrong += [f"{one} exports no {metric}" for one in set(value.split("|")) - there]
    return wrong


def test_queries_name_what_is_exported(exported: Exported) -> None:
    assert len(QUERIES) > 80
    assert {query: found for query in QUERIES if (found := faults(query, exported))} == {}


def test_every_metric_that_is_asked_for_has_a_value_in_a_healthy_stack(exported: Exported) -> None:
    asked = {metric for query in QUERIES for metric, _ in named(query).selectors}
    ours = {metric for metric in asked if metric in exported.jobs}
    without = {metric for metric in ours if not _has_value(metric, exported)}
    assert without <= NEVER


def _has_value(metric: str, exported: Exported) -> bool:
    """A metric without labels has one from the start; one with labels once they had values."""
    labels = exported.labels[metric]
    return not labels or any(exported.values[metric, label] for label in labels)


def test_every_metric_of_ours_is_on_a_dashboard_or_in_an_alert(exported: Exported) -> None:
    asked = {metric for query in QUERIES for metric, _ in named(query).selectors}
    families = {re.sub(r"_(bucket|sum|count|created)$", "", metric) for metric in asked}
    created = {name for name in exported.jobs if name.endswith(("_created", "_sum", "_count"))}
    ours = {name for name in exported.jobs if name.startswith("cqar_")} - created
    assert {re.sub(r"_bucket$", "", name) for name in ours} <= families


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("rate(cqar_mutation_total[5m])", "cqar_mutation_total is not exported"),
        ('cqar_stream_bytes{name!="x"}', "cqar_stream_bytes has no label name"),
        ("sum by (venue) (cqar_writer_epoch)", "nothing there has a label venue"),
        ('cqar_dependency_up{dependency="kafka"}', 'no cqar_dependency_up has dependency="kafka"'),
        ('cqar_writer_epoch{job=~"cqar-resolver"}', "cqar-resolver exports no cqar_writer_epoch"),
    ],
)
def test_a_query_that_names_what_is_not_there_is_found(
    query: str, fault: str, exported: Exported
) -> None:
    assert faults(query, exported) == [fault]
