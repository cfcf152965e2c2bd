package localreplica

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bmatsuo/lmdb-go/lmdb"

	cqar "cqar.example/client"
)

const (
	mapBytes     = 64 << 30
	readersMax   = 1024
	databasesMax = 16
	// LMDB's header of the lock file, and a slot for each reader.
	lockBytes  = 192 + 64*readersMax
	blockBytes = 512
)

// databases of a generation; LMDB keeps their handles for as long as the environment is open.
type databases struct {
	entities, places lmdb.DBI
}

// environment is an open LMDB environment, until another file takes its place.
type environment struct {
	folder string
	env    *lmdb.Env
	main   lmdb.DBI
	inode  uint64
	opened map[uint64]databases
}

// openEnvironment refuses what docs/REPLICA.md says not to read.
func openEnvironment(folder string) (*environment, error) {
	made := &environment{folder: folder, opened: map[uint64]databases{}}
	inode, err := made.fileInode()
	if err != nil {
		return nil, notReady(folder, err)
	}
	made.inode = inode
	if err := requireRoom(folder); err != nil {
		return nil, err
	}
	if made.env, err = lmdb.NewEnv(); err != nil {
		return nil, notReady(folder, err)
	}
	if err := made.open(); err != nil {
		made.env.Close()
		return nil, notReady(folder, err)
	}
	return made, nil
}

func (e *environment) open() error {
	if err := e.env.SetMapSize(mapBytes); err != nil {
		return err
	}
	if err := e.env.SetMaxDBs(databasesMax); err != nil {
		return err
	}
	if err := e.env.SetMaxReaders(readersMax); err != nil {
		return err
	}
	if err := e.env.Open(e.folder, lmdb.Readonly, 0o660); err != nil {
		return err
	}
	if err := e.requireWhole(); err != nil {
		return err
	}
	return e.transact(func(txn *lmdb.Txn) error {
		var err error
		if e.main, err = txn.OpenRoot(0); err != nil {
			return err
		}
		format, err := txn.Get(e.main, []byte("format"))
		if err == nil && string(format) != "1" {
			return fmt.Errorf("its format is %q, which this release does not read", format)
		}
		return err
	})
}

// requireWhole: reading beyond a short file's end would kill the process.
func (e *environment) requireWhole() error {
	inode, err := e.fileInode()
	if err != nil {
		return err
	}
	if inode != e.inode {
		return fmt.Errorf("it was replaced while it was opened")
	}
	info, err := e.env.Info()
	if err != nil {
		return err
	}
	stat, err := e.env.Stat()
	if err != nil {
		return err
	}
	file, err := os.Stat(filepath.Join(e.folder, "data.mdb"))
	if err == nil && file.Size() < (info.LastPNO+1)*int64(stat.PSize) {
		return fmt.Errorf("it is shorter than it says")
	}
	return err
}

// transact runs a read transaction and commits it: handles that an aborted one opened would be closed.
func (e *environment) transact(run func(*lmdb.Txn) error) error {
	txn, err := e.env.BeginTxn(nil, lmdb.Readonly)
	if err != nil {
		return err
	}
	if err := run(txn); err != nil {
		txn.Abort()
		return err
	}
	return txn.Commit()
}

// prepare opens the databases of the newest generation: a transaction knows only those opened before it.
func (e *environment) prepare() error {
	return e.transact(func(txn *lmdb.Txn) error {
		now, err := readNow(txn, e.main)
		if err != nil {
			return err
		}
		if _, isOpen := e.opened[now.generation]; isOpen {
			return nil
		}
		var found databases
		if found.entities, err = txn.OpenDBI(fmt.Sprintf("entities.%d", now.generation), 0); err != nil {
			return err
		}
		if found.places, err = txn.OpenDBI(fmt.Sprintf("places.%d", now.generation), 0); err != nil {
			return err
		}
		e.opened[now.generation] = found
		return nil
	})
}

func (e *environment) isReplaced() bool {
	inode, err := e.fileInode()
	return err == nil && inode != e.inode
}

func (e *environment) fileInode() (uint64, error) {
	var stat syscall.Stat_t
	err := syscall.Stat(filepath.Join(e.folder, "data.mdb"), &stat)
	return stat.Ino, err
}

// requireRoom: a reader that registers in a hole of the lock file, on a full disk, dies of SIGBUS.
func requireRoom(folder string) error {
	var lock syscall.Stat_t
	var disk syscall.Statfs_t
	// Without a lock file nothing is allocated: LMDB creates it.
	_ = syscall.Stat(filepath.Join(folder, "lock.mdb"), &lock)
	if err := syscall.Statfs(folder, &disk); err != nil {
		return notReady(folder, err)
	}
	if lock.Blocks*blockBytes < lockBytes && disk.Bfree == 0 {
		return notReady(folder, fmt.Errorf("its filesystem has no room for readers"))
	}
	return nil
}

// now is the record of what is published, and how current it is.
type now struct {
	mark, generation, epoch, revision uint64
	confirmedNs                       int64
	state                             int32
	boot                              [16]byte
}

func readNow(txn *lmdb.Txn, main lmdb.DBI) (now, error) {
	record, err := txn.Get(main, []byte("now"))
	if err != nil {
		return now{}, err
	}
	if len(record) != 57 {
		return now{}, fmt.Errorf("its record has %d bytes and not 57", len(record))
	}
	read := now{
		mark:        binary.BigEndian.Uint64(record),
		generation:  binary.BigEndian.Uint64(record[8:]),
		epoch:       binary.BigEndian.Uint64(record[16:]),
		revision:    binary.BigEndian.Uint64(record[24:]),
		confirmedNs: int64(binary.BigEndian.Uint64(record[32:])),
		state:       int32(record[40]),
	}
	copy(read.boot[:], record[41:])
	return read, nil
}

func bootID() (id [16]byte, err error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, err
	}
	digits, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	copy(id[:], digits)
	return id, err
}

func notReady(folder string, err error) error {
	return &cqar.Error{
		Kind:    cqar.NotReady,
		Message: fmt.Sprintf("%s holds no replica (%v): start a resolver with replica_path", folder, err),
	}
}
