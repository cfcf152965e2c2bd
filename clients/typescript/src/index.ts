/** A client of CQAR, the crypto reference-data registry. */
export { Client, KEYS_MAX, SIDECAR, type At, type ClientOptions, type Key, type Order } from "./client.js";
export { CqarError, type ErrorKind, type Violation } from "./errors.js";
export { NUMBER_MAX, formatPosition, parsePosition, positionOf, type Position } from "./position.js";
export type { WatchOptions } from "./watch.js";
export * from "./gen/cqc/resolver/v1/resolver_pb.js";
