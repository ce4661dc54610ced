package main

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/remote"
)

// TestQuestionsOfServers: who asks comes before the words of a server, which
// are escaped; what is typed is shown only where the server says so.
func TestQuestionsOfServers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		q             remote.Question
		asked, answer string
	}{
		{remote.Question{User: "op", Host: "tm1"}, "password of op on the hosts (tm1 wants it): ", "hidden"},
		{remote.Question{User: "op", Host: "bastion", Jump: true}, "password of op on jump host bastion: ", "hidden"},
		{remote.Question{User: "op", Host: "tm1", Text: "Verification code:"}, "tm1 asks op: Verification code: ", "hidden"},
		{remote.Question{User: "op", Host: "tm1", Text: "Colour?", Echo: true}, "tm1 asks op: Colour? ", "shown"},
		{remote.Question{User: "op\x1b", Host: "tm1\r", Text: "a\x1b[2J", Echo: true}, `tm1\r asks op\x1b: a\x1b[2J `, "shown"},
	} {
		var shown strings.Builder
		env := &environment{stderr: &shown, terminal: func() (*terminal, error) {
			return &terminal{
				Writer:  &shown,
				line:    func() ([]byte, error) { return []byte("shown"), nil },
				secret:  func() ([]byte, error) { return []byte("hidden"), nil },
				restore: func() {},
			}, nil
		}}
		answer, err := (&ui{environment: env}).askLogin()(row.q)
		if asked := strings.TrimSuffix(shown.String(), "\n"); asked != row.asked || string(answer) != row.answer || err != nil {
			t.Errorf("%+v: asked %q, answer %q, %v; want %q, %q", row.q, asked, answer, err, row.asked, row.answer)
		}
	}
	none := &environment{terminal: func() (*terminal, error) { return nil, errNoTerminal }}
	if (&ui{environment: none}).askLogin() != nil {
		t.Error("there is somebody to ask where there is no terminal")
	}
}
