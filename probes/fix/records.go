package fix

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// records reads what a program printed between its begin and its end: a line
// each record, a word and its text, and raw bytes where a record announces
// them. Marks carry the nonce of the run, which no file of the host can know.
type records struct {
	rest  []byte
	nonce string
}

// newRecords finds the begin of an answer: what comes before it is noise of
// the login.
func newRecords(stdout []byte, nonce string) (*records, error) {
	begin := []byte("tmdoctor:begin:" + nonce + "\n")
	for rest := stdout; ; {
		i := bytes.Index(rest, begin)
		if nonce == "" || i < 0 {
			return nil, ErrTruncated
		}
		if i == 0 || rest[i-1] == '\n' {
			return &records{rest: rest[i+len(begin):], nonce: nonce}, nil
		}
		rest = rest[i+len(begin):]
	}
}

// next is the next whole line as a word and its text, and false where none
// has come.
func (r *records) next() (key, text string, ok bool) {
	line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
	if !ok {
		return "", "", false
	}
	r.rest = rest
	key, text, _ = strings.Cut(string(line), " ")
	return key, text, true
}

// raw are the bytes that a record announced with their number, and the hash
// that follows them. The bytes are nil, with the reason, where they are not
// what the hash is of: the file was written to meanwhile, or is too long.
func (r *records) raw(size string) (content []byte, hash, why string, err error) {
	mark := []byte("\ntmdoctor:hash:" + r.nonce + " ")
	i := bytes.Index(r.rest, mark)
	if i < 0 {
		return nil, "", "", ErrTruncated
	}
	content, r.rest = r.rest[:i], r.rest[i+len(mark):]
	line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
	if !ok {
		return nil, "", "", ErrTruncated
	}
	r.rest = rest
	hash = string(line)
	if hash != "" && hash != "?" && !isHash(hash) {
		return nil, "", "", fmt.Errorf("%q is not a hash", clip(hash))
	}
	n, err := strconv.Atoi(size)
	sum := sha256.Sum256(content)
	switch {
	case err != nil:
		return nil, "", "", fmt.Errorf("%q is not a size", clip(size))
	case hash == "?":
		return nil, hash, "it cannot be read", nil
	case n < 0:
		return nil, hash, "it is too long to be read", nil
	case n != len(content) || hash != hex.EncodeToString(sum[:]):
		return nil, hash, "it changed while it was read", nil
	}
	return bytes.Clone(content), hash, "", nil
}

// clip is the beginning of a text that may be long.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
