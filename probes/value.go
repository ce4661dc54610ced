package probes

import (
	"bytes"
	"encoding/json"
)

// Value is a fact: a value, or the reason why it is unknown. The zero Value
// is unknown ("not collected"), so a struct that was never filled, or a JSON
// field that an older tmdoctor did not write, can never read as healthy.
//
// In JSON a known fact is the bare value, an unknown one
// {"unknown": "why"}.
type Value[T any] struct {
	v     T
	known bool
	why   string
}

// notCollected is the reason of a zero Value.
const notCollected = "not collected"

// Known is the fact v.
func Known[T any](v T) Value[T] { return Value[T]{v: v, known: true} }

// Unknown is a fact that could not be told, and why, in a few words that
// complete "unknown: ...".
func Unknown[T any](why string) Value[T] {
	if why == "" {
		why = notCollected
	}
	return Value[T]{why: why}
}

// Get returns the value and whether it is known.
func (v Value[T]) Get() (T, bool) { return v.v, v.known }

// Or returns the value, or other where it is unknown. Use it for what is
// printed beside a verdict, never for a verdict.
func (v Value[T]) Or(other T) T {
	if v.known {
		return v.v
	}
	return other
}

// IsKnown reports whether the fact is known.
func (v Value[T]) IsKnown() bool { return v.known }

// Why is the reason of an unknown fact, "" for a known one.
func (v Value[T]) Why() string {
	if !v.known && v.why == "" {
		return notCollected
	}
	return v.why
}

// forget returns the fact as unknown for the reason why; the test that sets
// each fact to unknown in turn uses it through the facter interface.
func (v Value[T]) forget(why string) any { return Unknown[T](why) }

// facter is any Value, whatever its type.
type facter interface {
	IsKnown() bool
	Why() string
	forget(why string) any
}

type unknownJSON struct {
	Unknown *string `json:"unknown"`
}

// MarshalJSON writes the bare value or {"unknown": why}.
func (v Value[T]) MarshalJSON() ([]byte, error) {
	if v.known {
		return json.Marshal(v.v)
	}
	why := v.Why()
	return json.Marshal(unknownJSON{&why})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value[T]) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*v = Value[T]{}
		return nil
	}
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		var u unknownJSON
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if dec.Decode(&u) == nil && u.Unknown != nil {
			*v = Unknown[T](*u.Unknown)
			return nil
		}
	}
	var t T
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	*v = Known(t)
	return nil
}
