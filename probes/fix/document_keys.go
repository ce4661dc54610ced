package fix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// plainKey is how the keys of a plan look.
var plainKey = regexp.MustCompile(`^[a-z0-9_]+$`)

// checkKeys makes sure that each object in data, which is JSON, has each key
// once and in small letters.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return checkValue(dec, "", 0)
}

// maxDepth bounds how deep a plan may be nested; ours goes to 6.
const maxDepth = 16

func checkValue(dec *json.Decoder, at string, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: nested too deep for a plan", at)
	}
	switch token {
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := checkValue(dec, fmt.Sprintf("%s[%d]", at, i), depth+1); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		if err := checkObject(dec, at, depth); err != nil {
			return err
		}
	default:
		return nil
	}
	_, err = dec.Token() // the closing bracket
	return err
}

func checkObject(dec *json.Decoder, at string, depth int) error {
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if !plainKey.MatchString(key) {
			return fmt.Errorf("%s: the key %q is not one of a plan", orTop(at), key)
		}
		if seen[key] {
			return fmt.Errorf("%s: the key %q stands twice", orTop(at), key)
		}
		seen[key] = true
		if err := checkValue(dec, join(at, key), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkWhole makes sure that data, which is the JSON of d, has every key that is
// written of d: what is left out would be taken for none.
func checkWhole(data []byte, d *Document) error {
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		return err
	}
	var got, want any
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	if err := json.Unmarshal(b.Bytes(), &want); err != nil {
		return err
	}
	return sameKeys("", got, want)
}

func sameKeys(at string, got, want any) error {
	switch want := want.(type) {
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("%s: it is no list", orTop(at))
		}
		for i := range want {
			if err := sameKeys(fmt.Sprintf("%s[%d]", at, i), got[i], want[i]); err != nil {
				return err
			}
		}
	case map[string]any:
		got, _ := got.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, ok := got[key]
			if !ok {
				return fmt.Errorf("%s: the key %q is missing: %s", orTop(at), key, planAgain)
			}
			if err := sameKeys(join(at, key), value, want[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// join is the place of a key: hosts[3].files.
func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func orTop(at string) string {
	if at == "" {
		return "the plan"
	}
	return at
}

// jsonError says where in data the decoder stopped.
func jsonError(data []byte, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", lineAt(data, syntax.Offset), err)
	case errors.As(err, &typ):
		return fmt.Errorf("line %d: %s: not what stands there in a plan (%s)", lineAt(data, typ.Offset), orTop(typ.Field), typ.Value)
	}
	return err
}

// lineAt is the line of an offset, counted from 1.
func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}
