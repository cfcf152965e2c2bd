package cqar

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

const (
	// Sidecar is where a resolver on the same machine listens.
	Sidecar = "127.0.0.1:9091"
	// KeysMax is how many keys a resolver answers at once.
	KeysMax = 2000

	defaultTimeout  = 5 * time.Second
	messageBytesMax = 16 << 20
)

// Calls rotate over the reachable resolvers behind a name. All are reads, so gRPC may send one again.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "cqc.resolver.v1.Resolver"}],
    "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s",
      "backoffMultiplier": 3, "retryableStatusCodes": ["UNAVAILABLE"]}
  }]
}`

// Options of a client; the zero value is that of a sidecar's.
type Options struct {
	// Key is an API key. A resolver on this machine wants none.
	Key string
	// Timeout of each call whose context has no deadline, retries included; 0: 5 s.
	Timeout time.Duration
	// Credentials of TLS; nil: plaintext.
	Credentials credentials.TransportCredentials
	// ToldOnly: only positions given to Carry count. Else no answer is older than one before it.
	ToldOnly bool
}

// Client asks a resolver. Any number of goroutines may share one.
type Client struct {
	conn     *grpc.ClientConn
	resolver resolverv1.ResolverClient
	session  session
	options  Options
}

// Dial makes a client of host:port, unix:/path/of/socket, or any name that gRPC resolves. It connects with
// the first call, and reconnects by itself. An empty target is Sidecar.
func Dial(target string, options Options) (*Client, error) {
	if target == "" {
		target = Sidecar
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	security := plaintext()
	if options.Credentials != nil {
		security = grpc.WithTransportCredentials(options.Credentials)
	}
	conn, err := connect(
		target,
		security,
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax)),
		// A peer that is gone is noticed after 20 s. gRPC's own backoff grows to two minutes.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 15 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: 2 * time.Second,
		}),
	)
	if err != nil {
		return nil, &Error{Kind: InvalidRequest, Message: err.Error(), cause: err}
	}
	made := &Client{conn: conn, resolver: resolverv1.NewResolverClient(conn), options: options}
	made.session.toldAlone = options.ToldOnly
	return made, nil
}

// Close closes the connections; calls in flight fail.
func (c *Client) Close() error { return c.conn.Close() }

// Carry accepts no answer from before a position, such as that of a writer's answer (PositionOf).
func (c *Client) Carry(position Position) error {
	if err := position.check(); err != nil {
		return &Error{Kind: InvalidRequest, Message: err.Error()}
	}
	c.session.require(position)
	return nil
}

// Position is what the next answer will not be older than; false: any will do.
func (c *Client) Position() (Position, bool) { return c.session.current() }

// outgoing adds the key, and the minimum that the session wants, to a call's metadata.
func (c *Client) outgoing(ctx context.Context) context.Context {
	if c.options.Key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.options.Key)
	}
	if position, isSet := c.session.current(); isSet {
		ctx = metadata.AppendToOutgoingContext(ctx, minRevisionHeader, position.String())
	}
	return ctx
}

// bounded gives a context the client's timeout if it has no deadline of its own.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, isBound := ctx.Deadline(); isBound {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.options.Timeout)
}

// ask sends one question and notes the position of its answer.
func (c *Client) ask(ctx context.Context, send func(context.Context, ...grpc.CallOption) error) error {
	var trailer metadata.MD
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	if err := send(c.outgoing(ctx), grpc.Trailer(&trailer)); err != nil {
		return c.failure(err, trailer)
	}
	c.session.observe(PositionOf(trailer))
	return nil
}
