package inventory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ranges are texts with the names they stand for; they seed the fuzz targets.
var ranges = []struct {
	name, text string
	want       []string
}{
	{"a name is itself", "tm1", []string{"tm1"}},
	{"padding is kept", "tm[008-011]", []string{"tm008", "tm009", "tm010", "tm011"}},
	{"no padding, none invented", "tm[8-11]", []string{"tm8", "tm9", "tm10", "tm11"}},
	{"a list of ranges and numbers", "tm[001-002,050]", []string{"tm001", "tm002", "tm050"}},
	{"padding grows where it must", "tm[08-10,099-101]", []string{"tm08", "tm09", "tm10", "tm099", "tm100", "tm101"}},
	{"two brackets multiply, the last fastest", "r[1-2]-tm[01-02].x", []string{"r1-tm01.x", "r1-tm02.x", "r2-tm01.x", "r2-tm02.x"}},
	{"a step", "tm[01-08/3]", []string{"tm01", "tm04", "tm07"}},
	{"a bracket may be the whole name", "[1-2]", []string{"1", "2"}},
	{"addresses", "10.0.[0-1].[9-10]", []string{"10.0.0.9", "10.0.0.10", "10.0.1.9", "10.0.1.10"}},
	{"a bracket with an address inside is that address", "[2001:db8::1]", []string{"2001:db8::1"}},
	{"an address with a zone", "[fe80::1%eth0]", []string{"fe80::1%eth0"}},
	{"a bare address", "::1", []string{"::1"}},
	{"commas and spaces part words", "a1,b[1,2] c1", []string{"a1", "b1", "b2", "c1"}},
	{"a name that is named twice comes once", "a1,a[1-2]", []string{"a1", "a2"}},
	{"zero", "a[0-1],a[00-01]", []string{"a0", "a1", "a00", "a01"}},
	{"nothing", "", nil},
}

func TestExpandGivesTheNamesInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range ranges {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Expand(tt.text)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Expand(%q) = %q, %v, want %q", tt.text, got, err, tt.want)
			}
		})
	}
}

func TestExpandRefusesWhatIsNoRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		column     int
		want       string
	}{
		{"open bracket", "tm[1-2", 3, `"tm[1-2" has a bracket that is not closed`},
		{"space inside", "tm[1, 2]", 3, `"tm[1," has a bracket that is not closed`},
		{"close without open", "tm1]", 4, `host name "tm1]" has a bracket that is not open`},
		{"empty bracket", "tm[]", 4, `range "": "" is not a number of at most 18 digits`},
		{"empty item", "tm[1,,2]", 6, `range "": "" is not a number of at most 18 digits`},
		{"letters", "tm[a-f]", 4, `range "a-f": "a" is not a number of at most 18 digits`},
		{"no end", "tm[1-]", 4, `range "1-": "" is not a number of at most 18 digits`},
		{"backwards", "tm[9-1]", 4, `range "9-1" ends before it begins`},
		{"width shrinks", "tm[001-40]", 4, `range "001-40": its ends have different widths`},
		{"width only at the end", "tm[1-010]", 4, `range "1-010": its ends have different widths`},
		{"step of zero", "tm[1-9/0]", 4, `range "1-9/0": a step needs two ends and is at least 1`},
		{"step without ends", "tm[1/2]", 4, `range "1/2": a step needs two ends and is at least 1`},
		{"nested", "tm[1[2]]", 4, `range "1[2": "1[2" is not a number of at most 18 digits`},
		{"second item, in second word", "a1,tm[1,x]", 9, `range "x": "x" is not a number of at most 18 digits`},
		{"one range too many", "tm[1-100001]", 1, `"tm[1-100001]" is more than 100000 hosts`},
		{"a product too many", "r[1-1000]tm[1-1000]", 1, `"r[1-1000]tm[1-1000]" is more than 100000 hosts`},
		{"a product that would overflow", "a" + strings.Repeat("[1-99999]", 9), 1, fmt.Sprintf("%q is more than 100000 hosts", "a"+strings.Repeat("[1-99999]", 9))},
		{"a sum too many", "a[1-60000,1-60000]", 1, `"a[1-60000,1-60000]" is more than 100000 hosts`},
		{"numbers as large as can be", "a[0-999999999999999999]", 1, `"a[0-999999999999999999]" is more than 100000 hosts`},
		{"number too long", "a[1234567890123456789]", 3, `range "1234567890123456789": "1234567890123456789" is not a number of at most 18 digits`},
		{"leading dash", "-oProxyCommand[1-2]", 1, `host name "-oProxyCommand[1-2]" begins with '-'`},
		{"bad character after a bracket", "tm[1-2]ü$", 8, `host name "tm[1-2]ü$" has the character 'ü'`},
		{"name too long", strings.Repeat("a", 253) + "[1-10]", 1, "host name of 255 characters; at most 253 are possible"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Expand(tt.text)
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("Expand(%q) = %v, want an *Error", tt.text, err)
			}
			if bad.Msg != tt.want || bad.Column != tt.column {
				t.Errorf("Expand(%q) = column %d: %s\nwant column %d: %s", tt.text, bad.Column, bad.Msg, tt.column, tt.want)
			}
		})
	}
}

func TestExpandStopsAtTheCapOverSeveralWords(t *testing.T) {
	t.Parallel()
	_, err := Expand("a[1-60000],b[1-60000]")
	if want := `"a[1-60000],b[1-60000]" is more than 100000 hosts`; err == nil || err.Error() != want {
		t.Errorf("Expand of 120,000 names = %v, want %s", err, want)
	}
}

func TestFoldIsBriefAndLosesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, names, want string }{
		{"one", "tm001", "tm001"},
		{"none", "", ""},
		{"a run and a single", "tm003 tm004 tm005 tm022", "tm[003-005,022]"},
		{"order and repeats do not matter", "tm2 tm1 tm3 tm2", "tm[1-3]"},
		{"padded and not are two things", "tm1 tm01 tm2 tm02", "tm[1-2,01-02]"},
		{"unpadded runs cross widths", "tm9 tm10 tm11", "tm[9-11]"},
		{"padded runs cross widths", "tm98 tm99 tm100", "tm[98-100]"},
		{"padding holds for the run", "tm09 tm10 tm11", "tm[09-11]"},
		{"a width of three and one of two", "tm08 tm09 tm010", "tm[08-09,010]"},
		{"a product folds twice", "r1-tm1 r1-tm2 r2-tm1 r2-tm2", "r[1-2]-tm[1-2]"},
		{"an incomplete product adds nothing", "r1-tm1 r1-tm2 r2-tm1", "r1-tm[1-2],r2-tm1"},
		{"a number that does not vary stays", "dc1-tm1.x2 dc1-tm2.x2", "dc1-tm[1-2].x2"},
		{"an outer number folds too", "tm1.rack7 tm2.rack7", "tm[1-2].rack7"},
		{"different texts stay apart, sorted", "tm1 db1 tm2", "db1,tm[1-2]"},
		{"addresses", "10.0.0.1 10.0.0.2 10.0.1.1 10.0.1.2", "10.0.[0-1].[1-2]"},
		{"IPv6 is not folded", "::1 ::2 ::1", "::1,::2"},
		{"digits too long for a range stay text", "a1234567890123456789 a1234567890123456780", "a1234567890123456780,a1234567890123456789"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Fold(strings.Fields(tt.names)); got != tt.want {
				t.Errorf("Fold(%s) = %s, want %s", tt.names, got, tt.want)
			}
		})
	}
}

func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	names, err := Expand("dc[1-2]-r[01-04]-tm[001-020],dc3-r[01-02]-tm[005-009,100],edge[1-3]")
	if err != nil {
		t.Fatal(err)
	}
	want := Fold(names)
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		if got := Fold(names); got != want {
			t.Fatalf("Fold of shuffled names = %s, want %s", got, want)
		}
	}
}

// FuzzRange: what expands folds, and what was folded expands to the same
// names.
func FuzzRange(f *testing.F) {
	for _, tt := range ranges {
		f.Add(tt.text)
	}
	f.Add("a9,a09,a009,a10,a010,a0[99-101]")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := Expand(text)
		if err != nil || len(names) > 5000 {
			return
		}
		folded := Fold(names)
		again, err := Expand(folded)
		if err != nil {
			t.Fatalf("Expand(Fold(%q)) = %v, from %q", names, err, folded)
		}
		slices.Sort(names)
		slices.Sort(again)
		if diff := cmp.Diff(names, again); diff != "" {
			t.Fatalf("names of %q changed by folding to %q:\n%s", text, folded, diff)
		}
		if second := Fold(again); second != folded {
			t.Fatalf("Fold of %q is %q, then %q", text, folded, second)
		}
	})
}
