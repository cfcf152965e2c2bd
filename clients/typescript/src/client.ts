import { create, fromBinary, toBinary, type DescMessage, type DescMethod, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Client as GrpcClient, credentials, Metadata, type ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";

import { CqarError, errorOf } from "./errors.js";
import {
  Resolver,
  type CheckOrderRequestSchema,
  type CheckOrderResponse,
  type GetStatusResponse,
  type Resolution,
} from "./gen/cqc/resolver/v1/resolver_pb.js";
import { MIN_REVISION, SessionPosition, formatPosition, positionIn, positionOf, type Position } from "./position.js";
import { watching, type WatchOptions } from "./watch.js";
import type { WatchResponse } from "./gen/cqc/resolver/v1/resolver_pb.js";

/** Where a resolver on the same machine listens. */
export const SIDECAR = "127.0.0.1:9091";
/** Keys that a resolver answers at once. */
export const KEYS_MAX = 2000;

const TIMEOUT_MS = 5000;
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

// Calls rotate over the reachable resolvers behind a name. All are reads, so gRPC may send one again.
const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: Resolver.typeName }],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.1s",
        maxBackoff: "1s",
        backoffMultiplier: 3,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

const CHANNEL: ChannelOptions = {
  "grpc.service_config": SERVICE_CONFIG,
  "grpc.enable_retries": 1,
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  // A peer that is gone is noticed after 20 s. gRPC's own backoff grows to two minutes.
  "grpc.keepalive_time_ms": 15_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

export interface ClientOptions {
  /** An API key. A resolver on this machine wants none. */
  readonly key?: string;
  /** Of each call, retries included; 5,000 by default. */
  readonly timeoutMs?: number;
  /** TLS; plaintext by default. */
  readonly credentials?: ChannelCredentials;
  /** Only positions given to `carry` count. Else no answer is older than one before it. */
  readonly toldOnly?: boolean;
}

/** A venue and the venue's own spelling, compared exactly. */
export type Key = readonly [venue: string, symbol: string];

export interface At {
  /** What held at that instant, or will hold then by what is known now. Such an answer has no verdict. */
  readonly asOf?: Date;
}

/** An order to check: the contract's fields, with decimals as text. */
export type Order = Omit<MessageInitShape<typeof CheckOrderRequestSchema>, "$typeName" | "venueId" | "venueSymbol">;

/**
 * Asks a resolver. It connects with the first call, and reconnects by itself.
 *
 * Answers are the contract's messages. Prices and sizes in them are text, since a number cannot hold them
 * exactly; revisions and epochs are bigint. Every method rejects with a CqarError.
 */
export class Client {
  readonly #grpc: GrpcClient;
  readonly #session: SessionPosition;
  readonly #options: ClientOptions;

  /** @param target host:port, unix:/path/of/socket, or any name that gRPC resolves. */
  constructor(target: string = SIDECAR, options: ClientOptions = {}) {
    this.#options = options;
    this.#session = new SessionPosition(options.toldOnly ?? false);
    this.#grpc = new GrpcClient(target, options.credentials ?? credentials.createInsecure(), CHANNEL);
  }

  /** Closes the connections. */
  close(): void {
    this.#grpc.close();
  }

  /** What the next answer will not be older than; undefined: any will do. */
  get position(): Position | undefined {
    return this.#session.position;
  }

  /**
   * Accepts no answer from before a position, such as that of a writer's answer (`positionOf`).
   *
   * @throws CqarError InvalidRequest: no registry can be at that position.
   */
  carry(position: Position): void {
    this.#session.require(position);
  }

  /**
   * What a spelling means, how it trades, and whether it may be traded now. One that means nothing is NotFound;
   * a delisted one is an answer, with its status.
   */
  async resolve(venue: string, symbol: string, at: At = {}): Promise<Resolution> {
    const answer = await this.#ask(Resolver.method.resolve, { venueId: venue, venueSymbol: symbol, ...asOf(at) });
    const found = answer.resolution!;
    this.#session.observe(positionIn(found.freshness));
    return found;
  }

  /**
   * Resolves any number of keys, in their order; each KEYS_MAX of them are of one revision. A key that means
   * nothing has the status NOT_FOUND and a reason (`notFound`). Every answer has its batch's freshness.
   */
  async resolveBatch(keys: Iterable<Key>, at: At = {}): Promise<Resolution[]> {
    const wanted = Array.from(keys, ([venueId, venueSymbol]) => ({ venueId, venueSymbol }));
    const answers: Resolution[] = [];
    const deadline = this.#deadline();
    for (let start = 0; start < wanted.length; start += KEYS_MAX) {
      const batch = { keys: wanted.slice(start, start + KEYS_MAX), ...asOf(at) };
      const answer = await this.#ask(Resolver.method.resolveBatch, batch, deadline);
      for (const found of answer.resolutions) {
        if (answer.freshness !== undefined) found.freshness = answer.freshness;
        answers.push(found);
      }
    }
    return answers;
  }

  /** Whether an order may be sent, and the order on the venue's tick and lot. A refusal is an answer: see `allowed`. */
  checkOrder(venue: string, symbol: string, order: Order): Promise<CheckOrderResponse> {
    return this.#ask(Resolver.method.checkOrder, { ...order, venueId: venue, venueSymbol: symbol });
  }

  /** What the resolver holds, and how far behind it may be. */
  status(): Promise<GetStatusResponse> {
    return this.#ask(Resolver.method.getStatus, {});
  }

  /**
   * Change sets from a revision on, and once a second a sign of life without one. A lost connection is made
   * again, and the watch goes on behind the last revision: no change comes twice, and none is left out. NotKept
   * and EpochChanged end it: read everything anew, then watch again. Leave the loop, or abort `signal`, to end it.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<WatchResponse, void, undefined> {
    const { input, output, path } = wire(Resolver.method.watch);
    return watching(
      (request) =>
        this.#grpc.makeServerStreamRequest(
          path,
          (message: MessageShape<typeof input>) => Buffer.from(toBinary(input, message)),
          (bytes: Buffer) => fromBinary(output, bytes),
          create(input, request),
          this.#metadata(),
        ),
      this.#session,
      options,
    );
  }

  #deadline(): number {
    return Date.now() + (this.#options.timeoutMs ?? TIMEOUT_MS);
  }

  /** The key, and the minimum that the session wants. */
  #metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#options.key) metadata.set("authorization", `Bearer ${this.#options.key}`);
    const position = this.#session.position;
    if (position !== undefined) metadata.set(MIN_REVISION, formatPosition(position));
    return metadata;
  }

  /** Sends one question and notes the position of its answer. */
  #ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageInitShape<I>,
    deadline: number = this.#deadline(),
  ): Promise<MessageShape<O>> {
    const { input, output, path } = wire(method);
    return new Promise((answered, failed) => {
      let answer: MessageShape<O> | undefined;
      const call = this.#grpc.makeUnaryRequest(
        path,
        (message: MessageShape<I>) => Buffer.from(toBinary(input, message)),
        (bytes: Buffer) => fromBinary(output, bytes),
        create(input, request),
        this.#metadata(),
        { deadline },
        (error, message) => {
          if (error !== null) failed(this.#session.noteFailure(errorOf(error), error.metadata));
          else answer = message;
        },
      );
      // The trailing metadata come with the status, behind the message.
      call.on("status", (ended) => {
        if (answer === undefined) return;
        this.#session.observe(positionOf(ended.metadata));
        answered(answer);
      });
    });
  }
}

function wire<I extends DescMessage, O extends DescMessage>(method: DescMethod & { input: I; output: O }) {
  return { input: method.input, output: method.output, path: `/${method.parent.typeName}/${method.name}` };
}

function asOf(at: At) {
  return at.asOf === undefined ? {} : { asOf: timestampFromDate(at.asOf) };
}
