package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

func TestInterruptedRunIsNeverHealthy(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, end := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer end()
	broken := errors.New("disk full")
	for _, c := range []struct {
		name     string
		ctx      context.Context
		cutShort bool
		finished error
		want     error
	}{
		{"nobody interrupts", context.Background(), false, nil, nil},
		{"while a healthy report is written", canceled, false, nil, verdict(3)},
		{"while a report with warnings is written", canceled, false, verdict(1), verdict(3)},
		{"while a report of failures is written", canceled, false, verdict(2), verdict(2)},
		{"before, and finish knew", canceled, true, verdict(3), verdict(3)},
		{"the deadline passes while the report is written", late, false, nil, nil},
		{"a report that was not written stays an error", canceled, false, broken, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := interruptedLate(c.ctx, c.cutShort, c.finished); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A question on the terminal once held the lock of all messages: a host that
// had a warning waited for the answer, and so did Ctrl-C.
func TestMessagesDoNotWaitForAnAnswer(t *testing.T) {
	t.Parallel()
	var stderr, tty bytes.Buffer
	u := &ui{environment: &environment{stderr: &stderr}}
	u.progress = &progress{w: &stderr, fd: -1, total: 2, started: map[string]time.Time{}}
	asked, answer, answered := make(chan bool), make(chan bool), make(chan bool)
	restored := 0
	go func() {
		defer close(answered)
		secret, err := u.ask(&tty, "passphrase: ", func() ([]byte, error) {
			close(asked)
			<-answer
			return []byte("x"), nil
		}, func() { restored++ })
		if string(secret) != "x" || err != nil {
			t.Errorf("ask = %q, %v; want the answer", secret, err)
		}
	}()
	<-asked
	said := make(chan bool)
	go func() {
		defer close(said)
		u.warnf("one host is slow")
		u.progress.draw(time.Now()) // not over the question
		u.dropQuestion()
		u.dropQuestion()
	}()
	select {
	case <-said:
	case <-time.After(10 * time.Second):
		t.Fatal("a message waits for the answer")
	}
	close(answer)
	<-answered
	if got, want := stderr.String(), "tmdoctor: warning: one host is slow\n"; got != want {
		t.Errorf("standard error %q, want %q", got, want)
	}
	if got, want := tty.String(), "passphrase: \n"; got != want || restored != 1 {
		t.Errorf("terminal %q, restored %d times; want %q, once", got, restored, want)
	}
	u.progress.draw(time.Now())
	if got, want := stderr.String(), "tmdoctor: warning: one host is slow\n\r\x1b[K0/2 hosts"; got != want {
		t.Errorf("standard error after the answer %q, want %q", got, want)
	}
}
