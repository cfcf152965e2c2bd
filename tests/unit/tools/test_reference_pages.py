"""docs/CONFIGURATION.md and docs/METRICS.md are what the code makes, and leave nothing out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import load
from cqar_writer.config import WriterConfig
from tools.reference.configuration import configuration_page
from tools.reference.docstrings import attributes_of
from tools.reference.generated_pages import PAGES
from tools.reference.metrics import metrics, metrics_page

CONFIGS = (("writer", WriterConfig), ("resolver", ResolverConfig))


@pytest.mark.parametrize(("path", "make"), PAGES.items(), ids=[path.name for path in PAGES])
def test_the_committed_page_is_what_the_code_makes(path: Path, make: Callable[[], str]) -> None:
    committed = path.read_text(encoding="utf-8")
    differing = difflib.unified_diff(
        committed.splitlines(), make().splitlines(), "committed", "made"
    )
    assert "\n".join(differing) == "", "run `make docs-reference`, and read what it changes"


def test_every_setting_is_named_with_the_variable_that_sets_it() -> None:
    named = set(re.findall(r"`(CQAR_(?:WRITER|RESOLVER)_[A-Z_]+)`", configuration_page()))
    settings = {
        f"CQAR_{section.upper()}_{name.upper()}"
        for section, config in CONFIGS
        for name in config.__struct_fields__
    }
    assert named == settings


@pytest.mark.parametrize(("section", "config"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_every_limit_that_the_page_states_is_one_that_a_service_holds(
    section: str, config: type[WriterConfig | ResolverConfig]
) -> None:
    required = {
        f"CQAR_{section.upper()}_{name.upper()}": url
        for name, url in (("database_url", "postgresql://a/b"), ("nats_url", "nats://a:1"))
    }
    stated = 0
    for variable, symbol, limit in re.findall(
        rf"`(CQAR_{section.upper()}_[A-Z_]+)` \|[^|]*\|[^|]*?([≥≤]) ([0-9.]+)", configuration_page()
    ):
        beyond = float(limit) * 2 + 1 if symbol == "≤" else float(limit) - 1
        text = str(int(beyond)) if beyond == int(beyond) else str(beyond)
        name = variable.removeprefix(f"CQAR_{section.upper()}_").lower()
        with pytest.raises(InvalidConfiguration, match=f"{variable}|{name}"):
            load(config, section, {**required, "CQAR_CONFIG": "", variable: text})
        stated += 1
    assert stated > 0


def test_an_attribute_said_of_two_names_is_said_of_each() -> None:
    class Documented(msgspec.Struct):
        """What it is.

        Attributes:
            a, b: Said of both,
                on two lines.
            c: Of one.
        """

        a: int
        b: int
        c: int

    both = "Said of both, on two lines."
    assert attributes_of(Documented) == {"a": both, "b": both, "c": "Of one."}


def test_every_metric_of_ours_that_a_scrape_shows_is_in_the_page() -> None:
    page = metrics_page()
    scraped = {family.name for family in REGISTRY.collect() if family.name.startswith("cqar_")}
    named = {
        name.removesuffix("_total") for name in re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    }
    assert named == scraped
    assert len(named) > 40


def test_a_metric_is_said_to_be_of_the_service_that_shows_it() -> None:
    of = {metric.name: package for package, found in metrics().items() for metric in found}
    assert of["cqar_grpc_calls_total"] == "cqar_shared"
    assert of["cqar_outbox_lag_revisions"] == "cqar_writer"
    assert of["cqar_resolver_state"] == "cqar_resolver"
