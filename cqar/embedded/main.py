"""`python -m cqar.embedded.main --state DIR`: runs a stack until SIGINT, SIGTERM or SIGHUP."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from cqar.embedded.endpoints import Endpoints
from cqar.embedded.failures import EmbeddedError
from cqar.embedded.stack import StackOptions, run_stack
from cqar_shared.errors import StartupError

_log = logging.getLogger(__name__)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cqar.embedded.main", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the state folder")
    parser.add_argument("--resolvers", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    options = StackOptions(state_dir=arguments.state, resolvers=arguments.resolvers)
    try:
        asyncio.run(_run(options))
    except (EmbeddedError, StartupError) as error:
        sys.exit(str(error))


async def _run(options: StackOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_stack(options, _log_ready, stop)


async def _log_ready(endpoints: Endpoints) -> None:
    _log.info("ready: writer %s, resolvers %s", endpoints.writer, ", ".join(endpoints.resolvers))


if __name__ == "__main__":
    main()
