"""Where a request goes: the venue's own host by HTTPS, or a base URL in its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from cqar.importer.readers.product_line import Request

#: In a base URL: the host that the reader names.
HOST: Final = "{host}"


class BaseUrls:
    """What stands in the place of venues' hosts: a proxy, or a simulated venue.

    Args:
        by_venue: Venue id, or `*` for all others -> base URL, such as `http://sim:8080`. Where it
            has `{host}`, the host that the reader names stands there.

    Raises:
        ValueError: A base URL is not one; the message names its venue.
    """

    def __init__(self, by_venue: Mapping[str, str] | None = None) -> None:
        self._by_venue = dict(by_venue or {})
        for venue_id, base in self._by_venue.items():
            if problem := base_url_problem(base):
                message = f"{venue_id}: {problem}"
                raise ValueError(message)

    def url(self, venue_id: str, request: Request, query: Mapping[str, str]) -> str:
        """The URL of a request.

        Args:
            query: What stands in the URL; empty for a POST.
        """
        host, slash, path = request.path.partition("/")
        base = self._base(venue_id) or f"https://{host}"
        url = base.replace(HOST, host).rstrip("/") + slash + path
        return f"{url}?{urlencode(query)}" if query else url

    def paced_as(self, venue_id: str, request: Request) -> str:
        """Whose limits a request counts against: the venue's host, wherever it is asked.

        Behind a base URL the known limits of the host itself do not apply.
        """
        host = request.path.partition("/")[0]
        base = self._base(venue_id)
        return f"{host} at {urlsplit(base).netloc}" if base else host

    def _base(self, venue_id: str) -> str:
        return self._by_venue.get(venue_id) or self._by_venue.get("*") or ""


def base_url_problem(base: str) -> str | None:
    """What is wrong with a base URL; None: nothing."""
    try:
        parts = urlsplit(base.replace(HOST, "host.example"))
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        is_good = has_port = False
    if not (is_good and has_port) or parts.query or parts.fragment:
        return "a base URL is http:// or https:// with a host, and without a query"
    if parts.username is not None:
        return "a base URL holds no user and no password"
    return None
