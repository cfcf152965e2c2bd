import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";

import { CqarError, errorOf } from "./errors.js";
import type { WatchRequestSchema, WatchResponse } from "./gen/cqc/resolver/v1/resolver_pb.js";
import { positionIn, type Position, type SessionPosition } from "./position.js";

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 2000;

export interface WatchOptions {
  /** The first revision that is wanted, and its epoch; by default the next one. */
  readonly from?: Position;
  /** Such as venue_symbol; by default all. */
  readonly kinds?: readonly string[];
  /** Only what is at these; by default at all. */
  readonly venues?: readonly string[];
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

type Request = MessageInitShape<typeof WatchRequestSchema>;
type Open = (request: Request) => ClientReadableStream<WatchResponse>;

/** Watches, and makes a lost connection again. If none was ever made, it is NotReady. */
export async function* watching(
  open: Open,
  session: SessionPosition,
  { from, kinds = [], venues = [], signal }: WatchOptions,
): AsyncGenerator<WatchResponse, void, undefined> {
  let next = from?.revision ?? 0n;
  let epoch = from?.epoch ?? 0n;
  let isBegun = false;
  let pauseMs = PAUSE_FIRST_MS;
  while (!signal?.aborted) {
    const stream = open({ fromRevision: next, epoch, kinds: [...kinds], venueIds: [...venues] });
    const cancel = () => stream.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const update of stream as AsyncIterable<WatchResponse>) {
        isBegun = true;
        pauseMs = PAUSE_FIRST_MS;
        session.observe(positionIn(update.freshness));
        epoch = update.freshness?.epoch ?? epoch;
        const reached = update.changeSet?.revision ?? update.freshness?.revision ?? 0n;
        if (update.changeSet !== undefined || reached + 1n > next) next = reached + 1n;
        yield update;
      }
    } catch (error) {
      if (signal?.aborted) return;
      const told = error instanceof CqarError ? error : toldBy(error, session);
      if (!isBegun || told.kind !== "NotReady") throw told;
    } finally {
      signal?.removeEventListener("abort", cancel);
      stream.on("error", () => undefined);
      stream.cancel();
    }
    // With jitter, since many watches lose a resolver at once.
    await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
  }
}

function toldBy(error: unknown, session: SessionPosition): CqarError {
  const failed = error as ServiceError;
  if (typeof failed.code !== "number") throw error;
  return session.noteFailure(errorOf(failed), failed.metadata);
}
