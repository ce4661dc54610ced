package probes

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Values of one name are a list, wherever they stand, and no list is written
// over by another.
func TestValuesOfANameAreAList(t *testing.T) {
	t.Parallel()
	r, err := parseRecords([]byte("=a.x 1\n=a.x 2\n=a.y 3\n=a.x 4\n=a.z 5\n=a.x 6\n=a.y 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"a.x": {"1", "2", "4", "6"}, "a.y": {"3", "7"}, "a.z": {"5"}} {
		if got := r.All(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestTextsOfABlockAreTheirOwn(t *testing.T) {
	t.Parallel()
	var block textBlock
	var got, want []string
	for n := range 3 * blockSize / 4 {
		b := bytes.Repeat([]byte{'a' + byte(n%26)}, n)
		if n%7 == 0 {
			b = append(b, 0xff)
		}
		got, want = append(got, block.clean(b)), append(want, strings.Clone(cleanText(b)))
	}
	if !slices.Equal(got, want) {
		t.Error("texts differ from those that are made one by one")
	}
}
