package probes

import (
	"regexp"
	"strings"
)

var colours = regexp.MustCompile(`\x1b?\[[0-9;]*m`)

// plainText takes the colours of a terminal out of a line; the host has left
// out their escape characters.
func plainText(s string) string {
	if strings.Contains(s, "[0m") || strings.Contains(s, "[m") {
		return colours.ReplaceAllString(s, "")
	}
	return s
}
