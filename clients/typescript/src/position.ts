import type { Metadata } from "@grpc/grpc-js";

import type { Freshness } from "./gen/cqc/resolver/v1/resolver_pb.js";
import { CqarError } from "./errors.js";

/** Request metadata of a read; the other two are in every answer's trailing metadata. */
export const MIN_REVISION = "cqar-min-revision";
const EPOCH = "cqar-epoch";
const REVISION = "cqar-revision";

/** The greatest epoch and the greatest revision: 2^63 - 1, so both are bigint. */
export const NUMBER_MAX = 2n ** 63n - 1n;

/** A place in the registry's history. */
export interface Position {
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** EPOCH:REVISION, such as 1:42. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.revision}`;
}

/**
 * Reads EPOCH:REVISION.
 *
 * @throws CqarError InvalidRequest: the text has another form, or a number exceeds NUMBER_MAX.
 */
export function parsePosition(text: string): Position {
  const found = /^([0-9]{1,19}):([0-9]{1,19})$/.exec(text);
  if (found === null) {
    throw new CqarError("InvalidRequest", `${JSON.stringify(text.slice(0, 64))} is no EPOCH:REVISION such as 1:42`);
  }
  return checked({ epoch: BigInt(found[1]!), revision: BigInt(found[2]!) });
}

/** The position of any answer, also a writer's, by its trailing metadata; undefined if it has none. */
export function positionOf(trailer: Metadata): Position | undefined {
  const [epoch] = trailer.get(EPOCH);
  const [revision] = trailer.get(REVISION);
  if (epoch === undefined || revision === undefined) return undefined;
  return { epoch: BigInt(epoch.toString()), revision: BigInt(revision.toString()) };
}

export function positionIn(freshness: Freshness | undefined): Position | undefined {
  if (freshness?.epoch === undefined || !freshness.revision) return undefined;
  return { epoch: freshness.epoch, revision: freshness.revision };
}

function checked(position: Position): Position {
  for (const number of [position.epoch, position.revision]) {
    if (number < 0n || number > NUMBER_MAX) {
      throw new CqarError("InvalidRequest", `no registry is at ${formatPosition(position)}: not within 0 to ${NUMBER_MAX}`);
    }
  }
  return position;
}

function isBefore(one: Position, other: Position): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.revision < other.revision);
}

/** The newest position that later answers must have reached. */
export class SessionPosition {
  /** Undefined: any position will do. */
  position: Position | undefined;

  /** @param toldOnly Only positions given to `require` count. */
  constructor(private readonly toldOnly: boolean) {}

  require(position: Position): void {
    checked(position);
    if (this.position === undefined || isBefore(this.position, position)) this.position = position;
  }

  observe(position: Position | undefined): void {
    if (position !== undefined && !this.toldOnly) this.require(position);
  }

  /** Notes what a failed call says of the position; a new epoch ends the old history. */
  noteFailure(error: CqarError, trailer: Metadata | undefined): CqarError {
    if (error.kind === "EpochChanged") this.position = undefined;
    else if (trailer !== undefined) this.observe(positionOf(trailer));
    return error;
  }
}
