"""The writer's settings, from CQAR_WRITER_* and `writer:` in config.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct

from cqar_shared.domain import rules
from cqar_shared.domain.finding_policy import (
    DEFAULT_RULES,
    OTHERWISE,
    FindingKind,
    FindingRule,
    all_rules,
)
from cqar_shared.domain.kinds.finding import FindingAction
from cqar_shared.domain.near_names import did_you_mean
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import ServiceConfig

SECTION: Final = "writer"
#: Kinds, venues and fields that one rule names.
NAMES_MAX: Final = 256


class FindingRuleSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule of `finding_policy`; what it does not name matches all.

    Attributes:
        name: Kept with what the rule decides.
        action: APPLY, REVIEW, TWO_PEOPLE, HOLD or QUARANTINE.
        kinds: Such as CONTRACT_SIZE.
        venue_ids: Venues, and operators.
        fields: At least one of the finding's differences is of such a field.
    """

    name: str
    action: str
    kinds: tuple[str, ...] = ()
    venue_ids: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class WriterConfig(ServiceConfig, frozen=True, kw_only=True):
    """Names end in their unit. Defaults are safe for production, not for a laptop.

    Attributes:
        database_url: No transaction-pooling proxy in front of it: the relay holds a session's
            lock.
        grpc_listen: HOST:PORT. Without TLS on loopback only, unless `plaintext_anywhere`.
        http_listen: HOST:PORT of /health and /metrics.
        database_connections_max: To PostgreSQL, of this process; the relay and the caches hold some
            of them for good.
        relay_poll_s: The relays are woken by NOTIFY; polling only covers a lost notification.
        archive_after_days: What has been delisted or expired for so long leaves snapshots and
            lists, and is answered from PostgreSQL; 0: never.
        signing_key_file: PEM file (`cqar-writer make-signing-key`); with it every revision's head
            is signed, and that of an idle registry within 10 s. Empty: nothing is signed.
        mutations_per_s_max: What one actor may ask for; beyond it RESOURCE_EXHAUSTED.
        reads_per_s_max: The same for reads; two seconds' worth may come at once.
        finding_policy: Rules about findings, before the default ones; the first that matches
            decides. Each has a `name` and an `action`, and `kinds`, `venue_ids` and `fields` as far
            as it is not for all. In the environment: a JSON array.
        rejects_min: So many reports of orders that a venue refused for one reason make a finding.
        rejects_actors_min: They must be of so many actors; a doubt of one would be anybody's.
        rejects_window_s: Within so many seconds.
    """

    grpc_listen: str = "127.0.0.1:9090"
    http_listen: str = "127.0.0.1:8080"
    database_connections_max: Annotated[int, Meta(ge=6, le=100)] = 16
    relay_poll_s: Annotated[float, Meta(gt=0, le=60)] = 0.5
    archive_after_days: Annotated[int, Meta(ge=0, le=36_500)] = 30
    signing_key_file: str = ""
    mutations_per_s_max: Annotated[float, Meta(gt=0, le=100_000)] = 500.0
    reads_per_s_max: Annotated[float, Meta(gt=0, le=1_000_000)] = 2_000.0
    rejects_min: Annotated[int, Meta(ge=1, le=1_000_000)] = 5
    rejects_actors_min: Annotated[int, Meta(ge=2, le=1_000)] = 3
    rejects_window_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] = 3_600.0
    finding_policy: Annotated[tuple[FindingRuleSetting, ...], Meta(max_length=256)] = ()


def policy_of(settings: WriterConfig) -> tuple[FindingRule, ...]:
    """Return the whole policy: the configured rules before the default ones.

    Raises:
        InvalidConfiguration: A rule cannot be; the message names it.
    """
    configured = []
    names = {rule.name for rule in (*DEFAULT_RULES, OTHERWISE)}
    for place, setting in enumerate(settings.finding_policy):
        where = f"finding_policy, rule {setting.name or place + 1!r}"
        for problem in _problems(setting, names):
            raise InvalidConfiguration(f"configuration of the writer: {where}: {problem}")
        names.add(setting.name)
        configured.append(
            FindingRule(
                name=setting.name,
                action=FindingAction[setting.action],
                kinds=setting.kinds,
                venue_ids=setting.venue_ids,
                fields=setting.fields,
            )
        )
    return all_rules(configured)


def _problems(setting: FindingRuleSetting, taken: set[str]) -> Iterator[str]:
    """Yield what is wrong with a rule."""
    if rules.is_blank(setting.name) or len(setting.name) > rules.NAME_CHARS_MAX:
        yield f"its name must have 1 to {rules.NAME_CHARS_MAX} characters"
    if setting.name in taken:
        yield "another rule has this name"
    if setting.action not in FindingAction.__members__:
        yield f"its action {setting.action!r} is none of {', '.join(FindingAction.__members__)}"
    for field in ("kinds", "fields"):
        for violation in rules.check_words(field, getattr(setting, field), NAMES_MAX):
            yield f"{field}: {violation.message}"
    yield from _unknown_names(setting)


def _unknown_names(setting: FindingRuleSetting) -> Iterator[str]:
    """Yield venues that none can be called, and kinds that look like a misprint.

    A kind that is made by hand may have any other name.
    """
    for field, values in (("venue_ids", setting.venue_ids), ("kinds", setting.kinds)):
        if len(values) > NAMES_MAX:
            yield f"{field}: at most {NAMES_MAX}"
            return
    for venue_id in setting.venue_ids:
        for violation in rules.check_slug("venue_ids", venue_id):
            yield f"venue_ids: {venue_id!r} {violation.message}"
    known = [kind.lower() for kind in FindingKind]
    for kind in setting.kinds:
        near = (
            did_you_mean(kind, known) if kind.lower() not in known or kind != kind.upper() else ""
        )
        if near:
            head, name, tail = near.split("'")
            yield f"kinds: {kind!r} is no kind {head}'{name.upper()}'{tail}"
