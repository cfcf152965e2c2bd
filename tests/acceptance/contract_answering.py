"""What a good request to an RPC of CQC works with."""

from __future__ import annotations

from typing import Any

from tests.acceptance.contract_market import Market, getting
from tests.support.contract_client import Contract, ContractClient


class Answering:
    """Holds the client and the market; a subclass has a method for each RPC, of its name."""

    def __init__(self, client: ContractClient, market: Market, contract: Contract) -> None:
        self.client = client
        self.market = market
        self.number = contract.numbers

    async def get(self, rpc: str) -> Any:
        return await self.client.call(rpc, **getting(self.market)[rpc])
