package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// conn speaks ClickHouse's HTTP interface, which is one request a statement: nothing to keep open, nothing to heal.
type conn struct {
	url            url.URL // without user and database
	user, password string
	database       string
	http           *http.Client
}

// maxAnswer bounds what is read of an answer: a point for each minute of some weeks is far below.
const maxAnswer = 16 << 20

var errBadURL = errors.New("CLICKHOUSE_URL: want http://user:password@host:8123/database, or https")

// parse never shows the text: it may hold a password.
func parse(text string) (*conn, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
		return nil, errBadURL
	}
	c := &conn{
		url: url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}, user: u.User.Username(), database: strings.Trim(u.Path, "/"),
		http: &http.Client{Timeout: time.Minute, Transport: http.DefaultTransport.(*http.Transport).Clone()}, // its own, to be closed
	}
	c.password, _ = u.User.Password()
	if c.database == "" {
		c.database = "default"
	}
	if !plainName(c.database) {
		return nil, errBadURL
	}
	return c, nil
}

func plainName(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// exec runs a statement in the database and returns the rows of its answer, as tab-separated text. data goes behind an
// INSERT. The answer is complete: a statement that fails halfway is an error.
func (c *conn) exec(ctx context.Context, database, statement string, data []byte) ([][]string, error) {
	at := c.url
	at.RawQuery = url.Values{"database": {database}, "query": {statement}, "wait_end_of_query": {"1"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if c.user != "" {
		req.Header.Set("X-ClickHouse-User", c.user)
		req.Header.Set("X-ClickHouse-Key", c.password)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("clickhouse %s: %w", c.url.Host, errors.Unwrap(err)) // without the URL, which holds the statement
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("clickhouse %s: %w", c.url.Host, err)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("clickhouse %s: %s: %.500s", c.url.Host, res.Status, strings.TrimSpace(string(body)))
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("clickhouse %s: the answer is over %d bytes", c.url.Host, maxAnswer)
	}
	var rows [][]string
	for line := range strings.Lines(string(body)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}

// run is exec in the history's own database.
func (c *conn) run(ctx context.Context, statement string) ([][]string, error) {
	return c.exec(ctx, c.database, statement, nil)
}

// number runs a statement whose answer is one number.
func (c *conn) number(ctx context.Context, statement string) (int64, error) {
	rows, err := c.run(ctx, statement)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, fmt.Errorf("clickhouse %s: %d rows instead of a number", c.url.Host, len(rows))
	}
	return strconv.ParseInt(rows[0][0], 10, 64)
}
