package report

// inOrder passes texts on in the order of their index, whatever the order in
// which they come: those that come early wait in a spool, so that memory does
// not grow with the fleet.
type inOrder struct {
	write func([]byte) error
	spool spool
	next  int // index of the text that is passed on next
}

// put passes a text on, if all before it have been, and those that waited for
// it; else it waits too.
func (o *inOrder) put(index int, b []byte) error {
	if index > o.next {
		return o.spool.put(index, b)
	}
	if err := o.write(b); err != nil {
		return err
	}
	o.next = max(o.next, index+1)
	for o.spool.first() == o.next {
		if err := o.take(); err != nil {
			return err
		}
		o.next++
	}
	return nil
}

// end passes on what still waits: what is between them never came.
func (o *inOrder) end() error {
	for o.spool.first() >= 0 {
		if err := o.take(); err != nil {
			o.spool.close()
			return err
		}
	}
	return o.spool.close()
}

// take passes on the first text of the spool.
func (o *inOrder) take() error {
	b, err := o.spool.take()
	if err != nil {
		return err
	}
	return o.write(b)
}
