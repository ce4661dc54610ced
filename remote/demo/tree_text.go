package demo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// expand replaces the placeholders in text, which begins at line.
func (t *tree) expand(text string, line int) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		line += strings.Count(before, "\n")
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed || strings.Contains(inside, "\n") {
			return "", t.errorf(line, "{{ without }}")
		}
		value, err := t.options.placeholder(inside)
		if err != nil {
			return "", t.errorf(line, "%w", err)
		}
		b.WriteString(value)
		text = after
	}
}

// placeholder is what stands for {{inside}}.
func (o Options) placeholder(inside string) (string, error) {
	switch inside {
	case "host":
		return o.Host, nil
	case "uid":
		return strconv.Itoa(o.UID), nil
	case "gid":
		return strconv.Itoa(o.GID), nil
	case "user":
		return o.User, nil
	case "group":
		return o.Group, nil
	}
	when, layout, ok := strings.Cut(inside, "|")
	offset, isNow := strings.CutPrefix(when, "now")
	if !ok || !isNow {
		return "", fmt.Errorf("{{%s}} is none of host, uid, gid, user, group, now OFFSET|LAYOUT", inside)
	}
	at := o.Now
	if offset = strings.TrimSpace(offset); offset != "" {
		d, err := parseOffset(offset)
		if err != nil {
			return "", err
		}
		at = at.Add(d)
	}
	if layout == "unix" {
		return strconv.FormatInt(at.Unix(), 10), nil
	}
	return at.UTC().Format(layout), nil
}

// parseOffset reads a signed duration; days may come first: -3d4h.
func parseOffset(s string) (time.Duration, error) {
	bad := fmt.Errorf("offset %q is not like -2h30m or -3d", s)
	if s == "" || s[0] != '-' && s[0] != '+' {
		return 0, bad
	}
	rest, total := s[1:], time.Duration(0)
	if days, after, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, bad
		}
		rest, total = after, time.Duration(n)*24*time.Hour
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, bad
		}
		total += d
	}
	if s[0] == '-' {
		total = -total
	}
	return total, nil
}

// parseSize reads bytes with an optional K, M or G of 1024.
func parseSize(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"K", "M", "G"} {
		if before, ok := strings.CutSuffix(s, unit); ok {
			digits, shift = before, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("size %q is not like 512, 64K, 20M or 10G", s)
	}
	return n << shift, nil
}

// counted is a text with the places of a counter.
type counted []piece

type piece struct {
	text  string
	width int
	base  int
}

// splitCounter finds %d, %x and their forms with leading zeros. They are read
// once and not for each line: an archive may have 61204 of them.
func splitCounter(s string) counted {
	verbs := regexp.MustCompile(`%(?:0([1-9][0-9]?))?([dx])`)
	var c counted
	end := 0
	for _, m := range verbs.FindAllStringSubmatchIndex(s, -1) {
		p := piece{text: s[end:m[0]], base: 10}
		if m[2] >= 0 {
			p.width, _ = strconv.Atoi(s[m[2]:m[3]])
		}
		if s[m[4]] == 'x' {
			p.base = 16
		}
		c = append(c, p)
		end = m[1]
	}
	return append(c, piece{text: s[end:]})
}

// append adds the text for one value of the counter to b.
func (c counted) append(b []byte, counter int) []byte {
	for _, p := range c {
		b = append(b, p.text...)
		if p.base == 0 {
			continue
		}
		digits := strconv.FormatInt(int64(counter), p.base)
		for range p.width - len(digits) {
			b = append(b, '0')
		}
		b = append(b, digits...)
	}
	return b
}
