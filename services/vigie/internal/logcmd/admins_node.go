package logcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"vigie/pkg/authz"
)

// nodeRegister asks a running node, by signing in and out again.
type nodeRegister struct {
	base   *url.URL
	client *http.Client
}

const (
	// signInBound is ample for a node that hashes the passwords of a whole shift.
	signInBound = 30 * time.Second
	// mostOfSession is far above what a session says.
	mostOfSession = 64 << 10
)

func newNodeRegister(address string) (register, error) {
	base, err := parseNode(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(base.Hostname()); base.Scheme != "https" && base.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usage("--url %s: passwords go to another machine over https only", address)
	}
	return &nodeRegister{base, &http.Client{Timeout: signInBound, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}, nil
}

func (n *nodeRegister) name() string { return n.base.String() }

func (n *nodeRegister) close() error {
	n.client.CloseIdleConnections()
	return nil
}

func (n *nodeRegister) authenticate(ctx context.Context, account, password string) ([]authz.Grant, error) {
	asked, err := json.Marshal(map[string]string{"account": account, "password": password})
	if err != nil {
		return nil, err
	}
	status, said, err := n.call(ctx, http.MethodPost, "", asked)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w: is it running? %s", n.base, err, howToProve)
	}
	if status != http.StatusCreated {
		p := &problem{Status: status}
		if json.Unmarshal(said, p) != nil || p.Code == "" {
			return nil, fmt.Errorf("%s answers %d to a sign-in: is it a node of Vigie?", n.base, status)
		}
		return nil, p
	}
	var session struct {
		Token  string        `json:"token"`
		Grants []authz.Grant `json:"grants"`
	}
	if err := json.Unmarshal(said, &session); err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	// It was made to be asked for and is of no more use.
	if _, _, err := n.call(ctx, http.MethodDelete, session.Token, nil); err != nil {
		return nil, fmt.Errorf("sign out again: %w", err)
	}
	return session.Grants, nil
}

func (n *nodeRegister) call(ctx context.Context, method, token string, body []byte) (status int, said []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, n.base.JoinPath("v1", "sessions").String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := n.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	said, err = io.ReadAll(io.LimitReader(res.Body, mostOfSession))
	return res.StatusCode, said, errors.Join(err, res.Body.Close())
}
