package probes

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxValue bounds one value; the script cuts at 4096 bytes itself.
	maxValue = 64 << 10
	// blockSize is how many bytes of texts are kept together.
	blockSize = 1024
)

// AsRead is the text of a file as it comes into the facts: without zero bytes,
// which shells lose, each line bounded and valid UTF-8.
func AsRead(content []byte) string {
	var s strings.Builder
	for line := range bytes.Lines(bytes.ReplaceAll(content, []byte{0}, nil)) {
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		s.WriteString(cleanText(body))
		if ended {
			s.WriteByte('\n')
		}
	}
	return s.String()
}

// cleanText bounds a text and makes it valid UTF-8. Control characters stay:
// whoever prints it escapes it.
func cleanText(b []byte) string {
	b = b[:min(len(b), maxValue)]
	if utf8.Valid(b) {
		return string(b)
	}
	return string(appendClean(nil, b))
}

// textBlock makes strings of many short texts. Each takes a part of a block, so
// that it costs little; and one that is kept keeps no more than its block.
type textBlock struct{ strings.Builder }

// clean is cleanText.
func (t *textBlock) clean(b []byte) string {
	if len(b) > blockSize/4 || !utf8.Valid(b) {
		return cleanText(b)
	}
	if t.Len()+len(b) > blockSize || t.Cap() == 0 {
		t.Builder = strings.Builder{}
		t.Grow(blockSize)
	}
	from := t.Len()
	t.Write(b)
	return t.String()[from:]
}

// appendClean is cleanText behind what a buffer has.
func appendClean(to, b []byte) []byte {
	b = b[:min(len(b), maxValue)]
	if utf8.Valid(b) {
		return append(to, b...)
	}
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			to = fmt.Appendf(to, `\x%02x`, b[0])
		} else {
			to = append(to, b[:size]...)
		}
		b = b[size:]
	}
	return to
}
