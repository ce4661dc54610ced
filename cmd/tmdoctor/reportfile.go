package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// reportFile is a report on its way to a file. It is written beside its place
// and moved there when it is whole, so that a run that was killed never leaves
// half a report where a whole one was. Its mode is 0600: a report names hosts
// and what is wrong with them.
type reportFile struct {
	*os.File
	path string // where it belongs; "" if it is written in place
}

func createReport(path string) (*reportFile, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // a pipe, a terminal, /dev/null
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &reportFile{File: f}, err
	}
	if err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	return &reportFile{File: f, path: path}, nil
}

// keep closes the file and moves it to its place.
func (f *reportFile) keep() error {
	if f.path == "" {
		return f.Close()
	}
	err := f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

// discard removes a file that did not become whole.
func (f *reportFile) discard() {
	f.Close()
	if f.path != "" {
		os.Remove(f.Name())
	}
}
