package logcmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vigie/pkg/app"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/embedded"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow/verify"
)

// dataPatient is the directory of a stopped node.
type dataPatient struct {
	data string
	cfg  embedded.Config
	*embedded.Stopped
}

// Names in a node's data directory.
const (
	asideDir     = "set-aside"
	snapshotsDir = "snapshots"
)

func (r *reopening) patient(ctx context.Context) (patient, error) {
	if r.data == "" {
		k, err := r.openKafka(ctx)
		return kafkaPatient{k}, err
	}
	cfg, err := r.stopped()
	if err != nil {
		return nil, err
	}
	return openStopped(r.data, cfg)
}

func openStopped(data string, cfg embedded.Config) (*dataPatient, error) {
	s, err := embedded.OpenStopped(cfg)
	if err != nil {
		if errors.Is(err, embedded.ErrInUse) {
			err = fmt.Errorf("%w; stop it, or use --brokers with the address of its broker", err)
		}
		return nil, embedded.Exit(err)
	}
	return &dataPatient{data, cfg, s}, nil
}

func (d *dataPatient) close() error { return d.Close() }

func (d *dataPatient) entry(_ context.Context, room string) (eventlog.RoomEntry, error) {
	table, err := d.Rooms()
	if err != nil {
		return eventlog.RoomEntry{}, damaged(err)
	}
	return find(table, room)
}

func (d *dataPatient) records(_ context.Context, room eventlog.RoomEntry) pass {
	return func(each func(eventlog.Record) error) error {
		return d.Records(eventlog.TopicLog, room.Partition, each)
	}
}

func (d *dataPatient) intake(_ context.Context, room eventlog.RoomEntry) (start, end int64, err error) {
	start = -1
	err = d.Records(eventlog.TopicIntake, room.Partition, func(r eventlog.Record) error {
		if start < 0 {
			start = r.Offset
		}
		end = r.Offset + 1
		return nil
	})
	return max(start, 0), end, err
}

// reopen sets aside what must not be gone on from: the files of the log, the snapshots of the room, and what the witness
// had seen. The witness comes last: until it fits, the node refuses to start, and the command can be given again.
func (d *dataPatient) reopen(ctx context.Context, p *plan, by controlroom.ReopenedBy) (written, error) {
	aside, err := d.aside()
	if err != nil {
		return written{}, err
	}
	offset := p.good.Offset + 1
	value, hash := p.record(offset, by)
	err = d.RewriteLog(ctx, p.room, aside, func(write func([]byte) error) error {
		next := int64(0)
		err := d.Records(eventlog.TopicLog, p.room.Partition, func(r eventlog.Record) error {
			if r.Offset >= offset {
				return nil
			}
			for ; next < r.Offset; next++ { // a hole in what was dead already: it keeps its place
				if err := write([]byte{}); err != nil {
					return err
				}
			}
			next++
			return write(r.Value)
		})
		if err != nil {
			return err
		}
		return write(value)
	})
	if err != nil {
		return written{}, err
	}
	if err := d.setAsideSnapshots(p.room.Room, aside); err != nil {
		return written{}, err
	}
	if err := d.witness(p, offset, hash, aside); err != nil {
		return written{}, err
	}
	w := written{Offset: offset, Version: p.good.Version + 1, Hash: controlroom.Hex(hash), SetAside: aside}
	if err := d.Check(); err != nil {
		w.Remains = err.Error()
	}
	return w, nil
}

// aside makes a new directory for what is set aside.
func (d *dataPatient) aside() (string, error) {
	root := filepath.Join(d.data, asideDir)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("set aside: %w", err)
	}
	dir, err := os.MkdirTemp(root, time.Now().UTC().Format("20060102T150405Z")+"-")
	if err != nil {
		return "", fmt.Errorf("set aside: %w", err)
	}
	return filepath.Abs(dir)
}

func (d *dataPatient) setAsideSnapshots(room, aside string) error {
	taken, err := filepath.Glob(filepath.Join(d.data, snapshotsDir, "room-"+url.PathEscape(room)+".snapshot*"))
	for _, path := range taken {
		err = errors.Join(err, os.Rename(path, filepath.Join(aside, filepath.Base(path))))
	}
	if err != nil {
		return fmt.Errorf("set snapshots aside: %w", err)
	}
	return nil
}

func (d *dataPatient) witness(p *plan, offset int64, hash es.Hash, aside string) error {
	heads, err := witness.Load(d.cfg.WitnessFile)
	if err != nil {
		return err
	}
	if err := witness.Write(filepath.Join(aside, witnessFile), heads); err != nil {
		return fmt.Errorf("set the witness aside: %w", err)
	}
	heads = slices.DeleteFunc(heads, func(h witness.Head) bool { return h.Room == p.room.Room })
	heads = append(heads, witness.Head{
		Room: p.room.Room, LogID: p.room.LogID, Offset: offset, Version: p.good.Version + 1, Hash: hash[:],
		IntakeNext: max(p.good.IntakeNext, p.next), Reopened: p.dead.Reopenings + 1, ReopenedHash: hash[:],
	})
	if err := witness.Write(d.cfg.WitnessFile, heads); err != nil {
		return fmt.Errorf("write the witness: %w", err)
	}
	return nil
}

// salvage verifies the logs of a node that cannot be started, from what of its files can be read.
func (p *place) salvage() ([]verify.Room, error) {
	cfg, err := p.stopped()
	if err != nil {
		return nil, err
	}
	d, err := openStopped(p.data, cfg)
	if err != nil {
		return nil, err
	}
	rooms, err := d.verify()
	return rooms, errors.Join(err, d.close())
}

func (d *dataPatient) verify() ([]verify.Room, error) {
	table, err := d.Rooms()
	if err != nil {
		return nil, app.Exit(app.LogDamaged, err)
	}
	rooms := make([]verify.Room, len(table))
	for i, room := range table {
		end, err := d.End(eventlog.TopicIntake, room.Partition)
		if err != nil {
			return nil, err
		}
		records := func(each func(eventlog.Record) error) error {
			return d.Records(eventlog.TopicLog, room.Partition, each)
		}
		if rooms[i], err = verify.Records(room, records, func() int64 { return end }); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}
