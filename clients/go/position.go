package cqar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc/metadata"

	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

const (
	minRevisionHeader = "cqar-min-revision"
	epochTrailer      = "cqar-epoch"
	revisionTrailer   = "cqar-revision"
)

// Position is a place in the registry's history. Both numbers are at most math.MaxInt64.
type Position struct {
	Epoch    uint64
	Revision uint64
}

// ParsePosition reads EPOCH:REVISION, such as 1:42.
func ParsePosition(text string) (Position, error) {
	epoch, revision, _ := strings.Cut(text, ":")
	position := Position{}
	for _, part := range []struct {
		text string
		into *uint64
	}{{epoch, &position.Epoch}, {revision, &position.Revision}} {
		number, err := strconv.ParseUint(part.text, 10, 63)
		if err != nil {
			return Position{}, fmt.Errorf("%.64q is no EPOCH:REVISION such as 1:42", text)
		}
		*part.into = number
	}
	return position, nil
}

// PositionOf reads the position of any answer, also a writer's, from its trailing metadata.
func PositionOf(trailer metadata.MD) (Position, bool) {
	epochs, revisions := trailer.Get(epochTrailer), trailer.Get(revisionTrailer)
	if len(epochs) == 0 || len(revisions) == 0 {
		return Position{}, false
	}
	position, err := ParsePosition(epochs[0] + ":" + revisions[0])
	return position, err == nil
}

// String is EPOCH:REVISION.
func (p Position) String() string {
	return fmt.Sprintf("%d:%d", p.Epoch, p.Revision)
}

// Before tells whether p is earlier than other.
func (p Position) Before(other Position) bool {
	return p.Epoch < other.Epoch || (p.Epoch == other.Epoch && p.Revision < other.Revision)
}

func (p Position) check() error {
	if p.Epoch > math.MaxInt64 || p.Revision > math.MaxInt64 {
		return fmt.Errorf("no registry can be at %s: a number exceeds %d", p, math.MaxInt64)
	}
	return nil
}

func positionIn(freshness *resolverv1.Freshness) (Position, bool) {
	position := Position{freshness.GetEpoch(), freshness.GetRevision()}
	return position, position.Revision > 0
}

// session holds the newest position that later answers must have reached, for any number of goroutines.
type session struct {
	mutex     sync.Mutex
	position  Position
	isSet     bool
	toldAlone bool
}

func (s *session) require(position Position) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.isSet || s.position.Before(position) {
		s.position, s.isSet = position, true
	}
}

func (s *session) observe(position Position, known bool) {
	if known && !s.toldAlone {
		s.require(position)
	}
}

func (s *session) forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.position, s.isSet = Position{}, false
}

func (s *session) current() (Position, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.position, s.isSet
}
