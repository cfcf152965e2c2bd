"""The reconciler's settings, from CQAR_RECONCILER_* and `reconciler:` in config.yaml."""

from __future__ import annotations

import os
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from cqar.importer.fetching import base_url_problem
from cqar.reconciler.webhooks.webhook_settings import ENDPOINTS_MAX, WebhookSetting, problems_of
from cqar_shared.domain import rules
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import ProcessConfig, host_and_port, load

SECTION: Final = "reconciler"
VENUES_MAX: Final = 500


class VenueSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue of `venues`.

    Attributes:
        venue_id: As it is registered.
        interval_s: Seconds between its rounds; 0: as `interval_s` says.
    """

    venue_id: str
    interval_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class ReconcilerConfig(ProcessConfig, frozen=True, kw_only=True):
    """Names end in their unit.

    Attributes:
        writer: HOST:PORT of a writer's gRPC.
        key_file: File that holds the API key, which needs role write.
        writer_ca: PEM file of the authorities to trust; with it the writer is called over TLS.
        writer_certificate, writer_certificate_key: PEM files of the client's certificate and its
            key, if the writer wants one.
        http_listen: HOST:PORT of /health and /metrics.
        state_folder: Folder of the answers and of what is noted of each venue. One process uses it
            at a time. It may be lost at any time.
        venues: Venues to keep up with, each with `venue_id` and, if it has one of its own,
            `interval_s`. In the environment: a JSON array.
        interval_s: Seconds between two rounds of a venue.
        backoff_s_max: The longest pause after a venue failed again and again, in seconds, unless
            the venue wants a longer one.
        rounds_max: Rounds at the same time; their work on the processor is done one at a time.
        base_urls: Venue id, or `*` for all others, and the base URL that stands in the place of
            the venue's own hosts, such as a proxy's; in it, `{host}` is the venue's host. In the
            environment: a JSON object.
        request_interval_s: Seconds between two requests to one host, where the importer knows of
            no lower limit of the host.
        answer_bytes_max: Of one answer, decompressed; a larger one is refused as it is read.
        answers_bytes_max: Of all answers that are kept, compressed; the oldest go first.
        answers_rounds_max: Rounds whose answers are kept.
        webhooks: Who is told what happens: endpoints, each with `name`, `url` or `url_file`,
            `secret_file`, `form` (json or slack), `template`, `events`, `venue_ids` and
            `allow_http`. In the environment: a JSON array.
    """

    writer: str = "127.0.0.1:9090"
    key_file: str
    writer_ca: str = ""
    writer_certificate: str = ""
    writer_certificate_key: str = ""
    http_listen: str = "127.0.0.1:8082"
    state_folder: str
    venues: Annotated[tuple[VenueSetting, ...], Meta(min_length=1, max_length=VENUES_MAX)]
    interval_s: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    backoff_s_max: Annotated[float, Meta(ge=1, le=86_400)] = 3_600.0
    rounds_max: Annotated[int, Meta(ge=1, le=32)] = 3
    base_urls: Annotated[dict[str, str], Meta(max_length=VENUES_MAX)] = field(default_factory=dict)
    request_interval_s: Annotated[float, Meta(ge=0, le=60)] = 0.25
    answer_bytes_max: Annotated[int, Meta(ge=1_024, le=268_435_456)] = 33_554_432
    answers_bytes_max: Annotated[int, Meta(ge=1_048_576)] = 2_147_483_648
    answers_rounds_max: Annotated[int, Meta(ge=10, le=10_000_000)] = 200_000
    webhooks: Annotated[tuple[WebhookSetting, ...], Meta(max_length=ENDPOINTS_MAX)] = ()

    def interval_of(self, venue_id: str) -> float:
        """Seconds between two rounds of a venue."""
        own = next((v.interval_s for v in self.venues if v.venue_id == venue_id), 0.0)
        return own or self.interval_s


def settings_in_effect() -> ReconcilerConfig:
    """The settings of this process.

    Raises:
        InvalidConfiguration: A setting is missing, unknown, malformed or out of range.
    """
    settings = load(ReconcilerConfig, SECTION, os.environ)
    require_usable(settings)
    return settings


def require_usable(settings: ReconcilerConfig) -> None:
    """Refuse settings that no single type can refuse.

    Raises:
        InvalidConfiguration: A setting cannot be as it is; the message names it.
    """
    where = "configuration of the reconciler"
    ids = [venue.venue_id for venue in settings.venues]
    for venue_id in ids:
        for violation in rules.check_slug("venues", venue_id):
            raise InvalidConfiguration(f"{where}: venues: {venue_id!r} {violation.message}")
        if ids.count(venue_id) > 1:
            raise InvalidConfiguration(f"{where}: venues: {venue_id} is named twice")
    for venue_id, base in settings.base_urls.items():
        if problem := base_url_problem(base):
            raise InvalidConfiguration(f"{where}: base_urls: {venue_id}: {problem}")
    for problem in problems_of(settings.webhooks):
        raise InvalidConfiguration(f"{where}: webhooks: {problem}")
    if not settings.key_file or not settings.state_folder:
        raise InvalidConfiguration(f"{where}: key_file and state_folder cannot be empty")
    _require_tls(settings, where)
    if not settings.writer.startswith("unix:"):
        host_and_port(settings.writer)


def _require_tls(settings: ReconcilerConfig, where: str) -> None:
    if bool(settings.writer_certificate) != bool(settings.writer_certificate_key):
        names = "writer_certificate and writer_certificate_key"
        raise InvalidConfiguration(f"{where}: {names} go together")
    if settings.writer_certificate and not settings.writer_ca:
        raise InvalidConfiguration(f"{where}: writer_certificate needs writer_ca")
