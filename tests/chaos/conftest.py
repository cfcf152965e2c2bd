"""One cluster on servers of its own, for every test that kills something."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster, cluster_on_own_servers


@pytest.fixture(scope="package")
async def cluster() -> AsyncIterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="cqar-chaos-"))
    async with cluster_on_own_servers(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)
