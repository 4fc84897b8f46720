package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// source sends alarms as a panel does, over one connection that it keeps. There is no client between it and the socket whose
// goroutines would be measured as well.
type source struct {
	conn   net.Conn
	answer *bufio.Reader
}

// send waits until the request is accepted, and says when its first byte was sent.
func (s *source) send(req *http.Request) (began time.Time, err error) {
	if s.conn == nil {
		if s.conn, err = new(net.Dialer).DialContext(req.Context(), "tcp", req.URL.Host); err != nil {
			return began, err
		}
		s.answer = bufio.NewReader(s.conn)
	}
	defer func() {
		if err != nil {
			s.hangUp()
		}
	}()
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return began, err
	}
	began = time.Now()
	if err := req.Write(s.conn); err != nil {
		return began, err
	}
	res, err := http.ReadResponse(s.answer, req)
	if err != nil {
		return began, err
	}
	defer func() { _ = res.Body.Close() }() // it has been read
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("alarm: %s: %s", res.Status, body)
	}
	return began, err
}

func (s *source) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close() // whatever became of it
		s.conn = nil
	}
}
