/** Every case of clients/behaviour/cases.json, asked of the servers that CQAR_BEHAVIOUR names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Client, CqarError, OrderSide, ResolutionStatus, SnapshotState, type Position, type Resolution } from "../index.js";
import type { Freshness, Permission, Reason, WatchResponse } from "../index.js";
import { ContractKind } from "../gen/cqc/markets/v1/symbol_pb.js";
import { MarketStatus, OrderUnit } from "../gen/cqc/venues/v1/venue_symbol_pb.js";
import { SpecsSource } from "../index.js";

interface Case {
  name: string;
  ask: "resolve" | "batch" | "check" | "watch";
  at?: string;
  venue?: string;
  symbol?: string;
  as_of?: string;
  keys?: [string, string][];
  times?: number;
  price?: string;
  quantity?: string;
  side?: "BUY" | "SELL";
  from?: string;
  kinds?: string[];
  venues?: string[];
  carry?: string;
  carry_epoch?: string;
  timeout_s?: number;
  answer?: Record<string, unknown>;
  error?: { kind: string[]; reason?: string; fields?: string[] };
  carried_at_least?: string;
}

interface Stack {
  cases: string;
  servers: Record<string, string>;
  epoch: string;
  revision: string;
}

const stack = JSON.parse(readFileSync(process.env["CQAR_BEHAVIOUR"]!, "utf8")) as Stack;
const { cases } = JSON.parse(readFileSync(stack.cases, "utf8")) as { cases: Case[] };

/** `head`, `head+N` or a number, as a revision of the stack's epoch. */
function revisionOf(text: string): bigint {
  const [, head, number] = /^(head)?\+?([0-9]*)$/.exec(text)!;
  return (head ? BigInt(stack.revision) : 0n) + BigInt(number || "0");
}

function positionOf(text: string): Position {
  return { epoch: BigInt(stack.epoch), revision: revisionOf(text) };
}

function stateOf(freshness: Freshness | undefined): string {
  return SnapshotState[freshness?.state ?? 0]!;
}

const codes = (reasons: Reason[]) => reasons.map((reason) => reason.code);
const isAllowed = (permission: Permission | undefined) => permission?.allowed ?? false;

function resolutionOf(found: Resolution): Record<string, unknown> {
  const { venueSymbol: listing, specs, tradeable } = found;
  return {
    status: ResolutionStatus[found.status],
    reason: found.notFound?.code ?? "",
    venue_symbol: listing?.venueSymbol ?? "",
    alias_of: listing?.aliasOf ?? "",
    market_status: MarketStatus[listing?.status ?? 0],
    symbol: found.symbol?.symbol ?? "",
    base: found.baseAsset?.symbol ?? "",
    quote: found.quoteAsset?.symbol ?? "",
    specs: specs && {
      source: SpecsSource[specs.source],
      tick_size: specs.tickSize,
      lot_size: specs.lotSize,
      min_notional: specs.minNotional,
      order_unit: OrderUnit[specs.orderUnit],
      contract_kind: ContractKind[specs.contractKind],
    },
    tradeable: tradeable
      ? {
          allowed: tradeable.allowed,
          reasons: codes(tradeable.open?.reasons ?? []),
          reduce: isAllowed(tradeable.reduce),
          cancel: isAllowed(tradeable.cancel),
        }
      : null,
    projected: found.projected,
    state: stateOf(found.freshness),
  };
}

function updateOf(update: WatchResponse): Record<string, unknown> {
  const set = update.changeSet;
  return {
    changes: set?.changes.map((change) => ({ kind: change.kind, deleted: change.deleted })) ?? null,
    revision: set?.revision === BigInt(stack.revision) ? "head" : String(set?.revision),
    reason: set?.reason ?? "",
    state: stateOf(update.freshness),
  };
}

async function ask(client: Client, asked: Case): Promise<Record<string, unknown>> {
  const { venue = "", symbol = "" } = asked;
  const at = asked.as_of === undefined ? {} : { asOf: new Date(asked.as_of) };
  switch (asked.ask) {
    case "resolve":
      return resolutionOf(await client.resolve(venue, symbol, at));
    case "batch": {
      const keys = Array.from({ length: asked.times ?? 1 }, () => asked.keys!).flat();
      const answers = (await client.resolveBatch(keys, at)).map(resolutionOf);
      return { count: answers.length, answers };
    }
    case "check": {
      const order = { price: asked.price!, quantity: asked.quantity!, side: OrderSide[asked.side!] };
      const { allowed, reasons, price, quantity, notional, freshness } = await client.checkOrder(venue, symbol, order);
      return { allowed, reasons: codes(reasons), price, quantity, notional, state: stateOf(freshness) };
    }
    case "watch": {
      const { kinds = [], venues = [] } = asked;
      const from = asked.from === undefined ? {} : { from: positionOf(asked.from) };
      for await (const update of client.watch({ kinds, venues, ...from })) return updateOf(update);
      throw new Error("the watch ended");
    }
  }
}

/** Each key of what is expected is compared; of a list each item that is expected. */
function compare(expected: unknown, answered: unknown, path: string): void {
  if (Array.isArray(expected) && expected.some((item) => typeof item === "object")) {
    expected.forEach((item, index) => compare(item, (answered as unknown[])[index], `${path}[${index}]`));
  } else if (expected !== null && typeof expected === "object" && !Array.isArray(expected)) {
    assert.ok(answered, `${path} is missing`);
    for (const [key, value] of Object.entries(expected)) {
      compare(value, (answered as Record<string, unknown>)[key], `${path}.${key}`);
    }
  } else {
    assert.deepEqual(answered, expected, path);
  }
}

const snake = (kind: string) => kind.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();

function compareError(expected: NonNullable<Case["error"]>, error: unknown): void {
  assert.ok(error instanceof CqarError, String(error));
  assert.ok(expected.kind.includes(snake(error.kind)), `${error.kind}: ${error.message}`);
  if (expected.reason !== undefined) assert.equal(error.reason, expected.reason);
  if (expected.fields !== undefined) {
    assert.deepEqual(error.violations.map(({ field, reason }) => `${field} ${reason}`), expected.fields);
  }
}

for (const asked of cases) {
  test(asked.name, async () => {
    const address = stack.servers[asked.at ?? "resolver"]!;
    const client = new Client(address, { timeoutMs: (asked.timeout_s ?? 10) * 1000 });
    try {
      let answer: Record<string, unknown> | undefined;
      try {
        if (asked.carry !== undefined) {
          const position = positionOf(asked.carry);
          client.carry({ ...position, epoch: BigInt(asked.carry_epoch ?? position.epoch) });
        }
        answer = await ask(client, asked);
      } catch (error) {
        if (asked.error === undefined) throw error;
        compareError(asked.error, error);
      }
      if (asked.carried_at_least === "") assert.equal(client.position, undefined);
      else if (asked.carried_at_least !== undefined) {
        assert.equal(client.position?.epoch, BigInt(stack.epoch));
        assert.ok(client.position.revision >= revisionOf(asked.carried_at_least), String(client.position.revision));
      }
      if (asked.answer === undefined) return assert.equal(answer, undefined, "it was answered");
      compare(asked.answer, answer, "answer");
    } finally {
      client.close();
    }
  });
}
