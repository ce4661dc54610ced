package probes

import (
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// walk calls visit for every Value below v, in a stable order, with its JSON
// path in two parts (see join) and whether it is needed (struct tag
// need:"needed"). Most facts are known and their paths never looked at: that
// is why the parts are joined by the visitor.
func walk(v reflect.Value, parent, name string, need bool, visit func(parent, name string, need bool, v facter)) {
	if f, ok := asFacter(v); ok {
		visit(parent, name, need, f)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		path := join(parent, name)
		for _, field := range shapes[v.Type()] {
			walk(v.Field(field.index), path, field.name, field.needed, visit)
		}
	case reflect.Slice:
		path := join(parent, name)
		for i := range v.Len() {
			walk(v.Index(i), path, element(v.Index(i), i), need, visit)
		}
	case reflect.Map:
		path := join(parent, name)
		for _, k := range keysInOrder(v) {
			walk(v.MapIndex(k), path, keyText(k), need, visit)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), parent, name, need, visit)
		}
	}
}

// shapeField is a field of a struct of facts that is a fact or has some below.
type shapeField struct {
	index  int
	name   string // as in JSON
	needed bool
}

// shapes are the fields of every struct below Facts that lead to facts:
// reflection asks for tags and types only once.
var shapes = func() map[reflect.Type][]shapeField {
	all := map[reflect.Type][]shapeField{}
	shapeOf(reflect.TypeFor[Facts](), all)
	return all
}()

// shapeOf adds the structs of a type, and reports whether it leads to facts.
func shapeOf(t reflect.Type, all map[reflect.Type][]shapeField) bool {
	if t.Implements(reflect.TypeFor[facter]()) {
		return true
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return shapeOf(t.Elem(), all)
	case reflect.Struct:
	default:
		return false
	}
	if fields, ok := all[t]; ok {
		return len(fields) > 0
	}
	all[t] = nil
	for i := range t.NumField() {
		field := t.Field(i)
		if field.IsExported() && shapeOf(field.Type, all) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			all[t] = append(all[t], shapeField{i, name, field.Tag.Get("need") == "needed"})
		}
	}
	return len(all[t]) > 0
}

// asFacter is v as a fact, if it is one; without a copy where it can be.
func asFacter(v reflect.Value) (facter, bool) {
	if v.Kind() != reflect.Struct || !v.CanInterface() {
		return nil, false
	}
	if v.CanAddr() {
		v = v.Addr()
	}
	f, ok := v.Interface().(facter)
	return f, ok
}

func keysInOrder(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return less(keys[i], keys[j]) })
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	if name == "" {
		return path
	}
	return path + "." + name
}

// element names an element of a slice: by its pid where it has one, so that
// paths agree between reports.
func element(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		if pid := v.FieldByName("PID"); pid.IsValid() && pid.CanInt() {
			return strconv.FormatInt(pid.Int(), 10)
		}
	}
	return strconv.Itoa(i)
}

func less(a, b reflect.Value) bool {
	if a.CanInt() {
		return a.Int() < b.Int()
	}
	return a.String() < b.String()
}

func keyText(k reflect.Value) string {
	if k.CanInt() {
		return strconv.FormatInt(k.Int(), 10)
	}
	return k.String()
}
