package probes

import "reflect"

// forgetEach calls visit with a copy of the facts for every fact in them, in
// the order of walk, with that one fact unknown. What every judge must
// survive, and no check may silently get better by.
func forgetEach(f *Facts, why string, visit func(probe, path string, g *Facts)) {
	for _, probe := range All {
		var paths []string
		walk(f.section(probe.Name), "", "", false, func(parent, name string, _ bool, _ facter) { paths = append(paths, join(parent, name)) })
		for n, path := range paths {
			g := *f
			left := n
			section := g.section(probe.Name)
			forgotten, _ := forgetNth(section, &left, why)
			section.Set(forgotten)
			visit(probe.Name, path, &g)
		}
	}
}

// forgetNth is a copy of v in which the n-th Value is unknown; what is not on
// the way to it is shared. done tells whether there was one.
func forgetNth(v reflect.Value, n *int, why string) (to reflect.Value, done bool) {
	if v.CanInterface() {
		if f, ok := v.Interface().(facter); ok {
			*n--
			if *n >= 0 {
				return v, false
			}
			return reflect.ValueOf(f.forget(why)), true
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		to = reflect.New(v.Type()).Elem()
		to.Set(v)
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if e, ok := forgetNth(v.Field(i), n, why); ok {
				to.Field(i).Set(e)
				return to, true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if e, ok := forgetNth(v.Index(i), n, why); ok {
				to = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
				reflect.Copy(to, v)
				to.Index(i).Set(e)
				return to, true
			}
		}
	case reflect.Map:
		for _, k := range keysInOrder(v) {
			if e, ok := forgetNth(v.MapIndex(k), n, why); ok {
				to = reflect.MakeMap(v.Type())
				for _, other := range v.MapKeys() {
					to.SetMapIndex(other, v.MapIndex(other))
				}
				to.SetMapIndex(k, e)
				return to, true
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return v, false
		}
		if e, ok := forgetNth(v.Elem(), n, why); ok {
			to = reflect.New(v.Type().Elem())
			to.Elem().Set(e)
			return to, true
		}
	}
	return v, false
}
