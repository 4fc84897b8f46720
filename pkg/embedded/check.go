package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/witness"
)

// Names in the broker's directory.
const (
	metaFile      = "meta.json"
	topicsFile    = "topics.json"
	partitionsDir = "partitions"
)

const (
	adviceDamaged = "do not start on this directory: copy it, look for the cause on the disk, and put back the latest copy whose records are whole"
	adviceLog     = "; without one, vigie log verify --data says up to which record the room's log is good, and vigie log reopen goes on from there"
	adviceShort   = "records are missing that this node has seen: put back the copy of the directory that holds them; " +
		"if they are lost for good, vigie log reopen goes on from a record that is there, knowing that what was decided behind it is forgotten"
)

// DamageError says that a directory must not be opened. Its files are as they
// were found.
type DamageError struct {
	File   string
	Offset int64 // in bytes, from the beginning of File
	Reason string
	Advice string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s, byte %d: %s; %s", e.File, e.Offset, e.Reason, e.Advice)
}

// Check reads every record in the main broker's directory, before it is
// opened, and compares its ends with what this node has witnessed. It changes
// nothing: the broker itself would cut a damaged segment at the first batch
// that cannot be read and give the offsets behind it out again. The only
// thing accepted is a last batch shorter than it says.
func Check(dir string, heads []witness.Head) error {
	c := checker{dir: dir, ends: make(map[place]end)}
	if err := c.partitions(); err != nil {
		return err
	}
	if err := c.listed(); err != nil {
		return err
	}
	return c.witnessed(heads)
}

type place struct {
	topic     string
	partition int
}

// advice is what to do when its records are damaged.
func (p place) advice() string {
	if p.topic == eventlog.TopicLog {
		return adviceDamaged + adviceLog
	}
	return adviceDamaged
}

// end is where a partition ends: the next offset, and the file and byte to
// name where something is missing.
type end struct {
	next int64
	file string
	size int64
}

type checker struct {
	dir   string
	ends  map[place]end
	rooms kafkalog.RoomTable
}

func (c *checker) partitions() error {
	root := filepath.Join(c.dir, partitionsDir)
	dirs, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check directory: %w", err)
	}
	for _, d := range dirs {
		where, ok := parsePlace(d.Name())
		if !ok {
			continue
		}
		if err := c.partition(where, filepath.Join(root, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// parsePlace reads the name of a partition's directory.
func parsePlace(name string) (place, bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return place{}, false
	}
	topic, err := url.PathUnescape(name[:i])
	partition, err2 := strconv.Atoi(name[i+1:])
	return place{topic, partition}, err == nil && err2 == nil
}

func (c *checker) partition(where place, dir string) error {
	bases, err := segments(dir)
	if err != nil || len(bases) == 0 {
		return err
	}
	at := end{next: bases[0], file: filepath.Join(dir, segmentName(bases[0]))}
	kept := where.topic == eventlog.TopicLog || where.topic == eventlog.TopicRooms
	if kept && at.next != 0 {
		return &DamageError{
			File: at.file, Reason: fmt.Sprintf("the records before %d are missing", at.next), Advice: where.advice(),
		}
	}
	for i, base := range bases {
		path := filepath.Join(dir, segmentName(base))
		if base != at.next {
			return &DamageError{
				File: path, Reason: fmt.Sprintf("the segment should begin at offset %d", at.next), Advice: where.advice(),
			}
		}
		s := segment{path: path, last: i == len(bases)-1, next: base, advice: where.advice()}
		if where.topic == eventlog.TopicRooms {
			s.each = c.room
		}
		if at.next, err = s.scan(); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("check directory: %w", err)
		}
		at.file, at.size = path, info.Size()
	}
	c.ends[where] = at
	return nil
}

// segments returns the base offsets of a partition's files, in order.
func segments(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("check directory: %w", err)
	}
	names := make([]string, len(entries))
	for k, e := range entries {
		names[k] = e.Name()
	}
	return segmentBases(names), nil
}

// segmentBases gives the first offsets of the segments among some names, in order.
func segmentBases(names []string) []int64 {
	var bases []int64
	for _, name := range names {
		name, ok := strings.CutSuffix(name, segmentSuffix)
		if base, err := strconv.ParseInt(name, 10, 64); ok && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases
}

func segmentName(base int64) string { return strconv.FormatInt(base, 10) + segmentSuffix }

// room folds a batch of the table of rooms.
func (c *checker) room(b []byte) error {
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(b); err != nil {
		return fmt.Errorf("table of rooms: %w", err)
	}
	records, err := kfake.BatchRecords(batch)
	if err != nil {
		return fmt.Errorf("table of rooms: %w", err)
	}
	for _, r := range records {
		record := eventlog.Record{Offset: batch.FirstOffset + int64(r.OffsetDelta), Value: r.Value}
		if err := c.rooms.Add(record); err != nil {
			return err
		}
	}
	return nil
}

// listed makes sure that the broker will find the records: it opens only what
// its own lists name, and starts an empty partition over the files of one
// that they do not.
func (c *checker) listed() error {
	if len(c.ends) == 0 {
		return nil
	}
	var topics struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}
	var meta struct{}
	for name, v := range map[string]any{metaFile: &meta, topicsFile: &topics} {
		path := filepath.Join(c.dir, name)
		data, err := os.ReadFile(path) //nolint:gosec // in the broker's own directory
		if err == nil {
			err = json.Unmarshal(data, v)
		}
		if err != nil {
			return &DamageError{File: path, Reason: fmt.Sprintf("cannot be read: %v", err), Advice: adviceDamaged}
		}
	}
	counts := make(map[string]int, len(topics.Topics))
	for _, t := range topics.Topics {
		counts[t.Name] = t.Partitions
	}
	for where, at := range c.ends {
		if at.next > 0 && where.partition >= counts[where.topic] {
			return &DamageError{
				File:   filepath.Join(c.dir, topicsFile),
				Reason: fmt.Sprintf("does not name partition %d of %s, which has records", where.partition, where.topic),
				Advice: adviceDamaged,
			}
		}
	}
	return nil
}

// witnessed compares the ends of the partitions with the heads.
func (c *checker) witnessed(heads []witness.Head) error {
	for _, h := range heads {
		i := slices.IndexFunc(c.rooms.Entries(), func(e eventlog.RoomEntry) bool { return e.Room == h.Room })
		if i < 0 {
			return c.short(place{eventlog.TopicRooms, 0}, fmt.Sprintf("room %s is not in the table of rooms", h.Room))
		}
		room := c.rooms.Entries()[i]
		if room.LogID != h.LogID {
			return c.short(place{eventlog.TopicRooms, 0},
				fmt.Sprintf("room %s has the log %s, and this node has seen the log %s", h.Room, room.LogID, h.LogID))
		}
		for _, need := range []struct {
			topic string
			next  int64
		}{
			{eventlog.TopicLog, h.Offset + 1},
			{eventlog.TopicIntake, h.IntakeNext},
		} {
			where := place{need.topic, room.Partition}
			if got := c.ends[where].next; got < need.next {
				return c.short(where, fmt.Sprintf("%s of room %s ends at offset %d, and this node has seen it up to %d",
					need.topic, h.Room, got, need.next))
			}
		}
	}
	return nil
}

// short is a partition that ends too early.
func (c *checker) short(where place, reason string) error {
	at, ok := c.ends[where]
	if !ok {
		at.file = filepath.Join(c.dir, partitionsDir, partitionName(where.topic, where.partition))
	}
	return &DamageError{File: at.file, Offset: at.size, Reason: reason, Advice: adviceShort}
}
