import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { status, type ServiceError } from "@grpc/grpc-js";

import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";

/**
 * What to do about an error; the names are those of the Python SDK.
 *
 * - NotFound: nothing has that name; `reason` says what is missing.
 * - InvalidRequest: the question can never be answered as asked; `violations` names each field.
 * - Denied: there is no key, or its role is too low.
 * - Unsupported: this server does not answer the question. Reason WRONG_SERVICE: it is a writer.
 * - EpochChanged: the registry began a new history. Forget what was read, and ask again.
 * - NotKept: changes are not kept so far back. Read anew, then watch from there.
 * - Busy: too much was asked at once.
 * - NotReady: no server answers, or not yet. The call was tried again already, if there was time.
 * - TimedOut: no answer came within the timeout.
 * - Failed: the server failed.
 */
export type ErrorKind =
  | "NotFound"
  | "InvalidRequest"
  | "Denied"
  | "Unsupported"
  | "EpochChanged"
  | "NotKept"
  | "Busy"
  | "NotReady"
  | "TimedOut"
  | "Failed";

/** A field of a request that breaks a rule; `reason` names the rule and is stable. */
export interface Violation {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

/** What every call ends with if it has no answer. */
export class CqarError extends Error {
  override readonly name = "CqarError";

  /** @param reason The registry's own stable code, such as VENUE_SYMBOL_NOT_FOUND; empty if there is none. */
  constructor(
    readonly kind: ErrorKind,
    message: string,
    readonly reason: string = "",
    readonly violations: readonly Violation[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const KINDS: Readonly<Partial<Record<status, ErrorKind>>> = {
  [status.NOT_FOUND]: "NotFound",
  [status.INVALID_ARGUMENT]: "InvalidRequest",
  [status.UNAUTHENTICATED]: "Denied",
  [status.PERMISSION_DENIED]: "Denied",
  [status.UNIMPLEMENTED]: "Unsupported",
  [status.FAILED_PRECONDITION]: "Unsupported",
  [status.ABORTED]: "EpochChanged",
  [status.OUT_OF_RANGE]: "NotKept",
  [status.RESOURCE_EXHAUSTED]: "Busy",
  [status.UNAVAILABLE]: "NotReady",
  [status.DEADLINE_EXCEEDED]: "TimedOut",
};

/** The error of a failed call. */
export function errorOf(error: ServiceError): CqarError {
  let reason = "";
  let violations: Violation[] = [];
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (packed instanceof Buffer) {
    for (const detail of fromBinary(StatusSchema, packed).details) {
      reason = anyUnpack(detail, ErrorInfoSchema)?.reason ?? reason;
      const bad = anyUnpack(detail, BadRequestSchema);
      if (bad !== undefined) {
        violations = bad.fieldViolations.map((v) => ({ field: v.field, reason: v.reason, message: v.description }));
      }
    }
  }
  return new CqarError(KINDS[error.code] ?? "Failed", error.details, reason, violations, { cause: error });
}
