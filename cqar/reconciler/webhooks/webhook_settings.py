"""Who is told what: an endpoint's settings, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from string import Template
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from cqar.reconciler.webhooks.notices import Notice, NoticeEvent
from cqar_shared.domain import rules
from cqar_shared.domain.near_names import did_you_mean

ENDPOINTS_MAX: Final = 32
FORMS: Final = ("json", "slack")
#: What a template may name.
TEMPLATE_FIELDS: Final = ("event", "subject", "text", "actor", "reason", "venue_id", "revision")


class WebhookSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint of `webhooks`.

    Attributes:
        name: A slug, by which files, metrics and commands name it.
        url: Where notices are posted to. It may be a secret: then give `url_file`.
        url_file: File that holds the URL.
        secret_file: File that holds the secret of the signature; needed of `json`.
        form: `json`, or `slack`: what an incoming webhook of Slack takes.
        template: Of `slack`, the text, with $event, $subject, $text, $actor, $reason, $venue_id
            and $revision.
        events: Such as HALTED; empty: all.
        venue_ids: Empty: all.
        allow_http: Post without TLS, too.
    """

    name: str
    url: str = ""
    url_file: str = ""
    secret_file: str = ""
    form: str = "json"
    template: str = ""
    events: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    venue_ids: Annotated[tuple[str, ...], Meta(max_length=500)] = ()
    allow_http: bool = False

    def wants(self, notice: Notice) -> bool:
        return (not self.events or notice.event in self.events) and (
            not self.venue_ids or notice.venue_id in self.venue_ids
        )


def problems_of(settings: tuple[WebhookSetting, ...]) -> Iterator[str]:
    """What is wrong with endpoints, each with its name."""
    names = [setting.name for setting in settings]
    for setting in settings:
        for problem in _problems(setting):
            yield f"{setting.name or 'one without a name'}: {problem}"
        if names.count(setting.name) > 1:
            yield f"{setting.name} is named twice"


def _problems(setting: WebhookSetting) -> Iterator[str]:
    for violation in rules.check_slug("name", setting.name):
        yield f"name {violation.message}"
    if bool(setting.url) == bool(setting.url_file):
        yield "give url or url_file"
    if setting.url and (problem := url_problem(setting.url, allow_http=setting.allow_http)):
        yield problem
    if setting.form not in FORMS:
        yield f"form {setting.form!r} is none of {', '.join(FORMS)}"
    if setting.form == "json" and not setting.secret_file:
        yield "secret_file is needed: who receives must know who sent"
    yield from _unknown_names(setting)
    if not _is_template(setting.template):
        yield f"template may name {', '.join(f'${name}' for name in TEMPLATE_FIELDS)}"


def _unknown_names(setting: WebhookSetting) -> Iterator[str]:
    for event in setting.events:
        if event not in NoticeEvent.__members__:
            near = did_you_mean(event, [name.lower() for name in NoticeEvent.__members__])
            yield f"events: there is no {event!r} {near}".rstrip()
    for venue_id in setting.venue_ids:
        for violation in rules.check_slug("venue_ids", venue_id):
            yield f"venue_ids: {venue_id!r} {violation.message}"


def _is_template(text: str) -> bool:
    template = Template(text)
    return template.is_valid() and set(template.get_identifiers()) <= set(TEMPLATE_FIELDS)


def url_problem(url: str, *, allow_http: bool) -> str:
    """What is wrong with an endpoint's URL, without the URL; empty: nothing."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "its URL cannot be read"
    if parts.scheme not in ("https", "http") or not host:
        return "its URL must be https://host/…"
    if parts.scheme == "http" and not allow_http:
        return "its URL has no TLS: use https, or set allow_http"
    if parts.username or parts.password:
        return "its URL holds a password: put the secret into secret_file"
    return ""
