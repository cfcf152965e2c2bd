package cqar

import (
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoimpl"
)

// Kind says what to do about an error.
type Kind string

// What a call can end with. The names are those of the Python SDK.
const (
	// NotFound: nothing has that name; Reason says what is missing.
	NotFound Kind = "NOT_FOUND"
	// InvalidRequest: the question can never be answered as asked; Violations names each field.
	InvalidRequest Kind = "INVALID_REQUEST"
	// Denied: there is no key, or its role is too low.
	Denied Kind = "DENIED"
	// Unsupported: this server does not answer the question. Reason WRONG_SERVICE: it is a writer.
	Unsupported Kind = "UNSUPPORTED"
	// EpochChanged: the registry began a new history. Forget what was read, and ask again.
	EpochChanged Kind = "EPOCH_CHANGED"
	// NotKept: changes are not kept so far back. Read anew, then watch from there.
	NotKept Kind = "NOT_KEPT"
	// Busy: too much was asked at once.
	Busy Kind = "BUSY"
	// NotReady: no server answers, or not yet. The call was tried again already, if there was time.
	NotReady Kind = "NOT_READY"
	// TimedOut: no answer came within the timeout.
	TimedOut Kind = "TIMED_OUT"
	// Failed: the server failed.
	Failed Kind = "FAILED"
)

// Violation is a field of a request that breaks a rule; Reason names the rule and is stable.
type Violation struct {
	Field, Reason, Message string
}

// Error is what every call of this package ends with if it has no answer.
type Error struct {
	Kind Kind
	// Reason is the registry's own stable code, such as VENUE_SYMBOL_NOT_FOUND; empty if the server gave none.
	Reason     string
	Message    string
	Violations []Violation
	cause      error
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s: %s", e.Kind, e.Message)
	}
	return fmt.Sprintf("%s (%s): %s", e.Kind, e.Reason, e.Message)
}

// Unwrap gives gRPC's error.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether err, or an error that it wraps, is of a kind.
func Is(err error, kind Kind) bool {
	var found *Error
	return errors.As(err, &found) && found.Kind == kind
}

var kinds = map[codes.Code]Kind{
	codes.NotFound:           NotFound,
	codes.InvalidArgument:    InvalidRequest,
	codes.Unauthenticated:    Denied,
	codes.PermissionDenied:   Denied,
	codes.Unimplemented:      Unsupported,
	codes.FailedPrecondition: Unsupported,
	codes.Aborted:            EpochChanged,
	codes.OutOfRange:         NotKept,
	codes.ResourceExhausted:  Busy,
	codes.Unavailable:        NotReady,
	codes.DeadlineExceeded:   TimedOut,
}

// failure makes the package's error of gRPC's, and notes what it says of the position.
func (c *Client) failure(err error, trailer metadata.MD) error {
	told := status.Convert(err)
	kind, known := kinds[told.Code()]
	if !known {
		kind = Failed
	}
	made := &Error{Kind: kind, Message: told.Message(), cause: err}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			made.Reason = detail.GetReason()
		case *errdetails.BadRequest:
			made.Violations = violationsOf(detail)
		}
	}
	if kind == EpochChanged {
		c.session.forget()
	} else {
		c.session.observe(PositionOf(trailer))
	}
	return made
}

// reasonNumber is FieldViolation.reason, which releases of errdetails before 2024 keep among unknown fields.
const reasonNumber = 3

func violationsOf(detail *errdetails.BadRequest) []Violation {
	violations := make([]Violation, 0, len(detail.GetFieldViolations()))
	for _, found := range detail.GetFieldViolations() {
		reason := reasonOf(protoimpl.X.ProtoMessageV2Of(found).ProtoReflect())
		violations = append(violations, Violation{found.GetField(), reason, found.GetDescription()})
	}
	return violations
}

func reasonOf(violation protoreflect.Message) string {
	if field := violation.Descriptor().Fields().ByNumber(reasonNumber); field != nil {
		return violation.Get(field).String()
	}
	for unknown := violation.GetUnknown(); len(unknown) > 0; {
		number, kind, tag := protowire.ConsumeTag(unknown)
		if tag < 0 {
			return ""
		}
		size := protowire.ConsumeFieldValue(number, kind, unknown[tag:])
		if size < 0 {
			return ""
		}
		if number == reasonNumber && kind == protowire.BytesType {
			text, _ := protowire.ConsumeString(unknown[tag:])
			return text
		}
		unknown = unknown[tag+size:]
	}
	return ""
}
