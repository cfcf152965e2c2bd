"""What locust runs: one class of users a mix, and what happens before and after a run.

Example, with locust's own page at http://127.0.0.1:8089, which asks how many users, and of which
mix; each makes ten acts a second:

    CQAR_KEY=... locust -f loadtests/locustfile.py --host 127.0.0.1:9091 --class-picker
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gevent
import grpc.experimental.gevent
import locust.stats
import msgspec
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from cqar.admin.connection import CallFailed, Connection
from loadtests import mixes
from loadtests.admin_changes import remove_left
from loadtests.locust_user import LoadTarget, RegistryUser
from loadtests.registry_keys import ask_keys
from loadtests.rpc_requests import RPC_REQUESTS, missing_keys
from loadtests.run_outcome import RpcStats, RunOutcome, bucket_ms, quantile_ms

log = logging.getLogger(__name__)


class Cqmd(RegistryUser):
    """Market data: what does this spelling mean?"""

    mix = mixes.CQMD


class Cqpm(RegistryUser):
    """Portfolios: what is this, what belongs together?"""

    mix = mixes.CQPM


class Cqvx(RegistryUser):
    """Execution: how is this spelled there, and may it be traded?"""

    mix = mixes.CQVX


class Admin(RegistryUser):
    """Admins: look, search, and change assets of their own, which they remove again."""

    mix = mixes.ADMIN


class Roadmap(RegistryUser):
    """The two calls whose latency at 1,000 a second the roadmap names."""

    mix = mixes.ROADMAP


def _options(parser: Any) -> None:
    parser.add_argument(
        "--key",
        env_var="CQAR_KEY",
        default="",
        is_secret=True,
        include_in_web_ui=False,
        help="API key; a resolver on this machine wants none",
    )
    parser.add_argument(
        "--warm-up",
        type=float,
        default=0.0,
        include_in_web_ui=False,
        help="seconds at the beginning that do not count, unless something fails in them",
    )
    parser.add_argument(
        "--outcome", default="", include_in_web_ui=False, help="file for what the run came to, JSON"
    )


def _prepare(environment: Environment, **_: Any) -> None:
    # After locust forked, if it does (--processes): what gRPC starts does not survive that.
    grpc.experimental.gevent.init_gevent()
    locust.stats.bucket_response_time = bucket_ms  # type: ignore[assignment]
    # Timers count from what the loop believes is now: from before the imports, seconds ago.
    gevent.get_hub().loop.update_now()
    if environment.host is None:
        environment.host = "127.0.0.1:9091"


def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None
    if options.warm_up and not isinstance(environment.runner, WorkerRunner):
        gevent.spawn_later(options.warm_up, _forget, environment)
    if isinstance(environment.runner, MasterRunner):
        return
    server = Connection(str(environment.host), options.key)
    try:
        keys = ask_keys(server)
    except CallFailed as error:
        raise SystemExit(str(error)) from error
    for rpc in RPC_REQUESTS:
        if lack := missing_keys(rpc, keys):
            log.warning("%s has no %s: no %s", server.address, lack, rpc)
    RegistryUser.place = LoadTarget(server, options.key, keys)


def _forget(environment: Environment) -> None:
    """Not the first reads of an empty cache are measured; but an error counts whenever it was."""
    if not environment.stats.total.num_failures:
        environment.stats.reset_all()


def _end(environment: Environment, **_: Any) -> None:
    if isinstance(environment.runner, MasterRunner):
        return
    place = RegistryUser.place
    if place.changes is not None and (left := remove_left(place.changes, place.server)):
        log.info("removed %d assets of users that were stopped in the middle", left)


def _tell(environment: Environment, **_: Any) -> None:
    path = environment.parsed_options.outcome  # type: ignore[union-attr]
    if not path or isinstance(environment.runner, WorkerRunner):
        return
    stats = environment.stats
    seconds = (stats.last_request_timestamp or 0) - stats.start_time
    made = {}
    for entry in stats.entries.values():
        counts = entry.response_times
        made[entry.name] = RpcStats(
            calls=entry.num_requests,
            errors=entry.num_failures,
            calls_per_s=entry.num_requests / seconds if seconds > 0 else 0.0,
            p50_ms=quantile_ms(counts, 0.5),
            p99_ms=quantile_ms(counts, 0.99),
            max_ms=max(counts, default=None),
        )
    errors = [f"{e.occurrences}x {e.name}: {e.error}" for e in stats.errors.values()]
    Path(path).write_bytes(msgspec.json.encode(RunOutcome(made, errors)))


events.init_command_line_parser.add_listener(_options)
events.init.add_listener(_prepare)
events.test_start.add_listener(_begin)
events.test_stop.add_listener(_end)
events.quitting.add_listener(_tell)
