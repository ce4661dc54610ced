package report

import (
	"container/heap"
	"fmt"
	"io"
	"os"
)

// spool keeps texts by index until their turn comes, in a temporary file that
// has no name: nothing is left behind however the process ends, and nobody
// else can open it. The zero spool is ready; the file is made when the first
// text comes.
type spool struct {
	f    *os.File
	end  int64
	wait waiting
}

// waiting is a heap, the smallest index first; equal ones in order of
// arrival.
type waiting []spooled

type spooled struct {
	index  int
	offset int64
	size   int
}

// first is the smallest index that waits, -1 if none does.
func (s *spool) first() int {
	if len(s.wait) == 0 {
		return -1
	}
	return s.wait[0].index
}

func (s *spool) put(index int, b []byte) error {
	if s.f == nil {
		f, err := unnamed()
		if err != nil {
			return fmt.Errorf("temporary file for hosts that end early: %w", err)
		}
		s.f = f
	}
	if _, err := s.f.WriteAt(b, s.end); err != nil {
		return fmt.Errorf("temporary file for hosts that end early: %w", err)
	}
	heap.Push(&s.wait, spooled{index, s.end, len(b)})
	s.end += int64(len(b))
	return nil
}

// take returns the text of the smallest index.
func (s *spool) take() ([]byte, error) {
	one := heap.Pop(&s.wait).(spooled)
	b := make([]byte, one.size)
	if _, err := io.ReadFull(io.NewSectionReader(s.f, one.offset, int64(one.size)), b); err != nil {
		return nil, fmt.Errorf("temporary file for hosts that end early: %w", err)
	}
	if len(s.wait) == 0 {
		s.end = 0 // the next one overwrites what was taken
	}
	return b, nil
}

func (s *spool) close() error {
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f, s.wait, s.end = nil, nil, 0
	return f.Close()
}

// unnamed makes a file (mode 0600, see [os.CreateTemp]) and removes its name.
func unnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "tmdoctor-report-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (w waiting) Len() int { return len(w) }

func (w waiting) Less(i, j int) bool {
	if w[i].index != w[j].index {
		return w[i].index < w[j].index
	}
	return w[i].offset < w[j].offset
}

func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

func (w *waiting) Push(x any) { *w = append(*w, x.(spooled)) }

func (w *waiting) Pop() any {
	old := *w
	x := old[len(old)-1]
	*w = old[:len(old)-1]
	return x
}
