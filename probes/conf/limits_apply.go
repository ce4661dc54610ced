package conf

import "fmt"

// setrlimit is what the kernel makes of a pair: "" or why it refuses.
// A hard limit of open files above fs.nr_open is refused to everybody.
func (r *limitsRun) setrlimit(item string, hard Rlimit) (why, unknown string) {
	if item == "nofile" {
		switch {
		case r.in.NROpen > 0 && uint64(hard) > r.in.NROpen:
			return fmt.Sprintf("%s is above fs.nr_open %d", hard, r.in.NROpen), ""
		case r.in.NROpen == 0 && hard > 1<<20:
			return "", fmt.Sprintf("whether the kernel allows %s depends on fs.nr_open, which was not read", hard)
		}
	}
	if r.in.Unprivileged {
		old, ok := r.start[item]
		switch {
		case !ok:
			return "", "whether it may be raised depends on the start limits, which were not read"
		case hard > old.Hard:
			return fmt.Sprintf("%s is above the hard limit %s, and the process may not raise it", hard, old.Hard), ""
		}
	}
	return "", ""
}

// apply sets the limits of one item, as setup_limits does.
func (r *limitsRun) apply(item string) {
	h := r.halves[item]
	if h[0].rank == rankNone && h[1].rank == rankNone {
		return
	}
	if why := h[1].doubt(); why != "" {
		// A soft limit of 0 cannot be lowered; any other may be, to a hard limit
		// that is not known.
		if h[0].Known && h[0].Value > 0 {
			h[0].Known, h[0].Why = false, "it is lowered to the hard limit if that is less: "+why
		}
		return
	}
	if h[0].Known && h[0].Value > h[1].Value {
		r.step(item, Step{What: "soft " + h[0].Value.String() + " is lowered to hard " + h[1].Value.String()})
		h[0].Value, h[0].At, h[0].From, h[0].line = h[1].Value, h[1].At, h[1].From, h[1].line
	}
	refused, unknown := r.setrlimit(item, h[1].Value)
	switch {
	case unknown != "":
		h[0].Known, h[1].Known, h[0].Why, h[1].Why = false, false, unknown, unknown
	case refused != "":
		r.notSet(item, refused)
	}
}

// doubt is why a half is not known, "" if it is.
func (h *half) doubt() string {
	switch {
	case h.maybeRank >= 0 && h.maybeRank <= h.rank:
		return h.maybeWhy
	case !h.Known:
		return h.Why
	}
	return ""
}

// notSet is what comes of an item that the kernel refused: the start limits
// stay, and all builds but Debian's refuse the session.
func (r *limitsRun) notSet(item, refused string) {
	h := r.halves[item]
	if r.variant.Debian || r.module.Optional {
		r.step(item, Step{At: h[1].At, What: "not applied, the start limits stay: " + refused})
	} else {
		r.step(item, Step{At: h[1].At, What: "the session is refused: " + refused})
		r.refuse(h[1].At, item+" "+refused)
	}
	b := startBounds(r.start, item)
	var noted *limitLine // one line may have set both
	for i := range h {
		if h[i].At.File != "" && h[i].line != noted {
			noted = h[i].line
			r.shadow[item] = append(r.shadow[item], Note{At: h[i].At, Text: h[i].line.kept(), Why: "not applied: " + refused})
		}
		h[i].Bound, h[i].maybeRank = b[i], -1
	}
}

// countLogins judges maxlogins: 0 refuses everybody but root.
func (r *limitsRun) countLogins() {
	c := r.logins
	switch {
	case !c.set || r.in.User.UID == 0 || c.max < 0:
	case c.max == 0:
		r.refuse(c.line.at, "no logins are allowed: "+c.line.kept())
	default:
		r.out.MayRefuse = append(r.out.MayRefuse, Note{At: c.line.at, Text: c.line.kept(), Why: fmt.Sprintf("only %d logins at a time", c.max)})
	}
}
