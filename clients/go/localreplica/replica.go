// Package localreplica reads what a resolver on the same machine publishes (its replica_path), without a call.
//
// It answers what a spelling means and the venue's own steps, and how current that is. It has no verdict: ask a
// resolver whether an order may be sent. docs/REPLICA.md has the layout.
package localreplica

import (
	"fmt"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/bmatsuo/lmdb-go/lmdb"

	cqar "cqar.example/client"
	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

const (
	// StaleAfter is a resolver's default: an answer that may be older is STALE.
	StaleAfter = 5 * time.Second
	// drift is what CLOCK_BOOTTIME may be wrong by.
	drift = 1.01
	// clockBoottime is Linux's CLOCK_BOOTTIME.
	clockBoottime = 7
	// A replica is replaced, or its generation changes, at most so often within one answer.
	triesMax = 3
)

// Replica is an open replica. Any number of goroutines may share one, but a process opens a folder only once.
type Replica struct {
	folder     string
	staleAfter time.Duration
	boot       [16]byte
	mutex      sync.RWMutex
	// open is nil once it is closed, and while the file that took the last one's place cannot be read.
	open     *environment
	isClosed bool
}

// Open opens the replica in a folder. A staleAfter of 0 is StaleAfter.
func Open(folder string, staleAfter time.Duration) (*Replica, error) {
	if staleAfter == 0 {
		staleAfter = StaleAfter
	}
	boot, err := bootID()
	if err != nil {
		return nil, notReady(folder, err)
	}
	opened, err := openEnvironment(folder)
	if err != nil {
		return nil, err
	}
	return &Replica{folder: folder, staleAfter: staleAfter, boot: boot, open: opened}, nil
}

// Close closes the replica. No answer may be on its way.
func (r *Replica) Close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.isClosed = true
	if r.open == nil {
		return nil
	}
	err := r.open.env.Close()
	r.open = nil
	return err
}

// Resolve tells what a spelling means now, with the venue's own steps, and without a verdict. Its specs have the
// source VENUE if tick and lot are known, else UNSPECIFIED; the symbol's defaults are left out, and so is what holds
// for a group of resolvers only.
func (r *Replica) Resolve(venue, symbol string) (*resolverv1.Resolution, error) {
	if err := requireSpelling(venue, symbol); err != nil {
		return nil, err
	}
	found, err := r.read(venue, symbol)
	isLive := found.GetFreshness().GetState() == resolverv1.SnapshotState_SNAPSHOT_STATE_LIVE
	if (cqar.Is(err, cqar.NotReady) || (err == nil && !isLive)) && r.reopen() {
		return r.read(venue, symbol)
	}
	return found, err
}

// Freshness tells how current the replica is.
func (r *Replica) Freshness() (*resolverv1.Freshness, error) {
	var told *resolverv1.Freshness
	err := r.transact(func(reader reader) error {
		told = r.freshness(reader.now)
		return nil
	})
	return told, err
}

func (r *Replica) read(venue, symbol string) (*resolverv1.Resolution, error) {
	var found *resolverv1.Resolution
	err := r.transact(func(reader reader) (err error) {
		found, err = reader.resolve(venue, symbol, time.Now())
		if err == nil {
			found.Freshness = r.freshness(reader.now)
		}
		return err
	})
	return found, err
}

// transact reads at one revision. Where the generation is new, its databases are opened first.
func (r *Replica) transact(run func(reader) error) error {
	for try := 0; try < triesMax; try++ {
		isPrepared, err := r.attempt(run)
		if isPrepared {
			return err
		}
		if err != nil {
			return notReady(r.folder, err)
		}
		r.mutex.Lock()
		if r.open != nil {
			err = r.open.prepare()
		}
		r.mutex.Unlock()
		if err != nil {
			return notReady(r.folder, err)
		}
	}
	return notReady(r.folder, fmt.Errorf("it changed too often"))
}

// attempt tells whether the databases that the transaction needs were open, and what run returned then.
func (r *Replica) attempt(run func(reader) error) (isPrepared bool, err error) {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	if r.open == nil {
		return true, notReady(r.folder, fmt.Errorf("none is open"))
	}
	txn, err := r.open.env.BeginTxn(nil, lmdb.Readonly)
	if lmdb.IsErrno(err, lmdb.ReadersFull) {
		return true, &cqar.Error{Kind: cqar.Busy, Message: fmt.Sprintf("%s has %d readers", r.folder, readersMax)}
	}
	if err != nil {
		return false, err
	}
	defer txn.Abort()
	read, err := readNow(txn, r.open.main)
	if err != nil {
		return false, err
	}
	opened, isOpen := r.open.opened[read.generation]
	if !isOpen {
		return false, nil
	}
	return true, run(reader{txn: txn, now: read, databases: opened})
}

// reopen opens the file that took this one's place; it tells whether there was one.
func (r *Replica) reopen() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.isClosed || (r.open != nil && !r.open.isReplaced()) {
		return false
	}
	if r.open != nil {
		// LMDB's locks on a file end with the first of its environments that is closed: close before opening.
		r.open.env.Close()
		r.open = nil
	}
	opened, err := openEnvironment(r.folder)
	if err == nil {
		r.open = opened
	}
	return err == nil
}

// freshness is an upper bound of the age by CLOCK_BOOTTIME, whatever the wall clock says.
func (r *Replica) freshness(read now) *resolverv1.Freshness {
	state := resolverv1.SnapshotState(read.state)
	told := &resolverv1.Freshness{Epoch: &read.epoch, Revision: &read.revision, State: &state}
	if read.confirmedNs == -1 || read.boot != r.boot {
		state = resolverv1.SnapshotState_SNAPSHOT_STATE_LAST_GOOD
		return told
	}
	age := time.Duration(float64(bootNs()-read.confirmedNs) * drift)
	staleness := uint64(age.Milliseconds()) + 1
	told.StalenessMs = &staleness
	if state == resolverv1.SnapshotState_SNAPSHOT_STATE_LIVE && age >= r.staleAfter {
		state = resolverv1.SnapshotState_SNAPSHOT_STATE_STALE
	}
	return told
}

// bootNs is CLOCK_BOOTTIME, which package time has not.
func bootNs() int64 {
	var told syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&told)), 0)
	return told.Nano()
}
