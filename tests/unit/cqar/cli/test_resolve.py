"""`cqar resolve` hides nothing that an order is checked by."""

from __future__ import annotations

from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.cli.resolve import _detail_rows

#: Told as the row `status`, and by the symbol.
ELSEWHERE = {"source", "contract_kind"}


def test_every_step_and_limit_is_shown() -> None:
    specs = pb.Specs(price_significant_digits=5)
    texts = [
        field.name
        for field in specs.DESCRIPTOR.fields
        if field.type == field.TYPE_STRING and not (field.is_repeated or field.name in ELSEWHERE)
    ]
    for i, name in enumerate(texts):
        setattr(specs, name, f"{i}.125")
    specs.tick_bands.add(tick_size="0.1")
    specs.tick_bands.add(from_price="100", tick_size="1")
    specs.order_types.append("LIMIT_MAKER")
    specs.time_in_force.append("GTX")
    specs.order_unit = venue_symbol_pb2.ORDER_UNIT_CONTRACT
    found = pb.Resolution(specs=specs)
    shown = {value for _, value in _detail_rows(found)}
    assert {f"{i}.125" for i in range(len(texts))} <= shown
    assert {"0.1 from 0", "1 from 100", "5", "LIMIT_MAKER", "GTX", "contract"} <= shown
