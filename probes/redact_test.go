package probes

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestRedactToShowsNoHalfOfASecret, wherever the raw text was cut, and however
// little is left of it.
func TestRedactToShowsNoHalfOfASecret(t *testing.T) {
	t.Parallel()
	const n = 60
	secret := strings.Repeat("hunter2", 200)
	for _, before := range []string{
		"s3://key:" + secret + "@b ", "s3://" + secret + "@b ", "s3://k:a@b s3://k:a/" + secret + "@b ", `password="a ` + secret + ` b" `, "password='a " + secret + " b' ",
		`{"token": "` + secret + `"} `, "secret=" + secret + " ", "https://h/x?sig=" + secret + " ", "Authorization: Bearer " + secret + " ",
	} {
		for shift := 0; shift < 4*n; shift += 7 {
			text := strings.Repeat("x", shift) + " " + before + "é " + strings.Repeat(before, 3)
			got := redactTo(text, n)
			if strings.Contains(got, "hunter") || len(got) > n+len("...") || !utf8.ValidString(got) {
				t.Fatalf("%d bytes before %.12q: %q", shift, before, got)
			}
		}
	}
	for text, want := range map[string]string{
		"": "", "short": "short", strings.Repeat("a", n): strings.Repeat("a", n), strings.Repeat("a", n+1): strings.Repeat("a", n) + "...",
		strings.Repeat("a", 1000): strings.Repeat("a", n) + "...", "s3://k:v@b": "s3://(withheld)@b",
	} {
		if got := redactTo(text, n); got != want {
			t.Errorf("redactTo(%.80q) = %q, want %q", text, got, want)
		}
	}
}

// TestLargeAnswersAreReadInTime: megabytes in one field, or in many, that a
// hostile server sends cost not much more than to read them as JSON.
func TestLargeAnswersAreReadInTime(t *testing.T) {
	t.Parallel()
	const job = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	large := strings.Repeat("a=:@?b//", 2<<20/8)
	jobs := `{"jid":"` + job + `","state":"FAILED","name":"` + large + `"}` + strings.Repeat(`,{"jid":"`+job+`","state":"FINISHED","name":"`+large[:800]+`"}`, 300)
	settings := `[{"key":"state.backend","value":"` + large + `"}` + strings.Repeat(`,{"key":"state.backend","value":"`+large[:800]+`"}`, 300) + `]`
	managers := strings.Repeat(`,{"id":"`+large[:600]+`","path":"x"}`, 2000)
	bodies := map[string]string{
		"/overview":                            `{"flink-version":"` + large + `"}`,
		"/taskmanagers":                        `{"taskmanagers":[{}` + managers + `]}`,
		"/jobmanager/config":                   settings,
		"/jobs/overview":                       `{"jobs":[` + jobs + `]}`,
		"/jobs/" + job + "/exceptions":         `{"exceptionHistory":{"entries":[{"stacktrace":"x.Y: z","taskName":"` + large + `","endpoint":"` + large[:1<<20] + `","exceptionName":"` + large[:1<<20] + `"}]}}`,
		"/jobs/" + job + "/checkpoints":        `{"latest":{"completed":{"external_path":"` + large + `"}}}`,
		"/jobs/" + job + "/checkpoints/config": `{"state_backend":"` + large + `"}`,
	}
	began := time.Now()
	for _, body := range bodies {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
	}
	alone := time.Since(began)
	began = time.Now()
	c, err := ReadCluster(began, func(path string) ([]byte, error) {
		path, _, _ = strings.Cut(path, "?")
		return []byte(bodies[path]), nil
	})
	if err != nil || !c.Jobs.IsKnown() || !c.TaskManagers.IsKnown() || !c.Settings.IsKnown() {
		t.Fatalf("error %v, %+v", err, c)
	}
	if took := time.Since(began); took > 10*alone+time.Second {
		t.Errorf("took %v, and to read it as JSON %v", took, alone)
	}
}

// FuzzStemsMissNothing: a text that has no stem has nothing that would be
// hidden, in whatever letters it is written.
func FuzzStemsMissNothing(f *testing.F) {
	for _, s := range []string{
		"", "PASSWORD=x", "passwd: x", "Passphrase = x", "client.secret=x", "--token x", "sasl.credential=x", "api-key=x", "access_key: x", "account.key=x",
		"serviceKey=x", "shared-key=x", "privatekey=x", "auth-params=x", "basic.auth=x", "jaas_config=x", "http-headers=x", "Authorization: Basic abc", "signature=x",
		"sig=x", "pass=x", "PWD: x", "-pass x", "to\u212aen=x", "pa\u017f\u017fword=x", "ba\u017fic abcdefgh12", "AKIA0123456789ABCDEF", "ASIA0123456789ABCDEF", "bearer abcdefgh12", "Basic  abcdefgh12",
		"s3://k:v/w@b", "http://h:1/x y@z", "pekko.tcp://flink@h:6123/user/rpc/x_0", "pekko://flink:pw@h", "1+pekko://a@b", "x:////u@h", "x://a x://b@c", "x://:@", "a:/b:c'd@e",
		"2026-03-01 12:00:00,000 INFO  org.apache.flink.runtime.taskexecutor.TaskExecutor [] - Connecting to ResourceManager: tm-1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if secretWord.MatchString(s) && !secretStems.in(s) {
			t.Errorf("%q has the name of a secret, and no stem", s)
		}
		if keyForm.MatchString(s) && !keyStems.in(s) {
			t.Errorf("%q has a key, and no stem", s)
		}
		if got := userInURI.ReplaceAllStringFunc(s, redactUser); got != s && !hasUser(s) {
			t.Errorf("%q has a user that is not seen: %q", s, got)
		}
		if inlineCause.MatchString(s) && findInlineCause(s) == nil {
			t.Errorf("%q has a cause that is not found", s)
		}
	})
}
