package conf_test

import (
	"path"
	"strings"
)

// refMap is unit_file_build_name_map: a name leads to another name, or to a
// path.
func refMap(fs refFS, search []string) (ids map[string]string, names map[string][]string) {
	ids, names = map[string]string{}, map[string][]string{}
	for _, dir := range search {
		for _, name := range fs.list(dir) {
			if _, known := ids[name]; known || !strings.HasSuffix(name, ".service") {
				continue
			}
			f := fs[dir+"/"+name]
			if f.Text != nil {
				ids[name] = dir + "/" + name
				continue
			}
			to := refTarget(dir+"/"+name, f.Link)
			inside := false
			for _, d := range search {
				inside = inside || strings.HasPrefix(to, d+"/")
			}
			if !inside {
				ids[name] = to
				continue
			}
			_, srcInstance, srcKind := refName(name)
			_, dstInstance, dstKind := refName(path.Base(to))
			switch {
			case !strings.HasSuffix(to, ".service"):
			case dstKind != srcKind && !(srcKind == "instance" && dstKind == "template"):
			case dstKind == "instance" && srcInstance != dstInstance:
			case path.Base(to) == name:
			default:
				ids[name] = path.Base(to)
			}
		}
	}
	for src := range ids {
		dst, ok := refGet(ids, src)
		if text, opened := fs.open(dst); !ok || !opened || text == "" {
			continue
		}
		dst = path.Base(dst)
		_, instance, kind := refName(src)
		if _, _, k := refName(dst); k == "template" && kind == "instance" {
			dst = refReplaceInstance(dst, instance)
		}
		names[dst] = append(names[dst], src)
	}
	return ids, names
}

// refGet is unit_ids_map_get.
func refGet(ids map[string]string, name string) (string, bool) {
	id := ""
	for range 8 {
		key := id
		if id == "" {
			key = name
		}
		to, ok := ids[key]
		if !ok {
			if id == "" {
				return "", false
			}
			_, _, kind := refName(id)
			if kind != "instance" {
				return "", false
			}
			prefix, _, _ := refName(id)
			if to, ok = ids[prefix+"@.service"]; !ok {
				return "", false
			}
		}
		if path.IsAbs(to) {
			return to, true
		}
		id = to
	}
	return "", false
}

// refFind is unit_file_find_fragment with its add_names.
func refFind(fs refFS, search []string, unit string) (fragment string, names []string) {
	ids, nameMap := refMap(fs, search)
	_, instance, kind := refName(unit)
	addNames := func(name, base string) {
		names = append(names, name)
		for _, alias := range nameMap[name] {
			if _, _, k := refName(alias); kind == "instance" && k == "template" {
				own := refReplaceInstance(alias, instance)
				if at, ok := refGet(ids, own); ok && base != "" && path.Base(at) != base {
					continue
				}
				alias = own
			}
			names = append(names, alias)
		}
	}
	addNames(unit, "")
	fragment, ok := refGet(ids, unit)
	if !ok && kind == "instance" {
		prefix, _, _ := refName(unit)
		fragment, ok = refGet(ids, prefix+"@.service")
	}
	if !ok {
		return "", nil
	}
	if base := path.Base(fragment); base != unit {
		addNames(base, base)
	}
	return fragment, names
}
