package session

// flow counts what is under way to a client that acknowledges; one that never does is bounded by its socket alone.
type flow struct {
	under []sent
	bytes int
}

type sent struct {
	offset int64
	bytes  int
}

func (f *flow) sending(offset int64, bytes int, acked int64) error {
	if acked < 0 {
		return nil
	}
	for len(f.under) > 0 && f.under[0].offset <= acked {
		f.bytes -= f.under[0].bytes
		f.under = f.under[1:]
	}
	if f.bytes > unacked {
		return errSlow
	}
	f.under = append(f.under, sent{offset, bytes})
	f.bytes += bytes
	return nil
}
