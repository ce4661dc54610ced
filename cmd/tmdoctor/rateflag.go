package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// rateFlag is a number of new connections in a time, as 5, 0.5, 5/s, 30/m or
// 100/h; in a second where no time is named.
type rateFlag struct {
	text      string // as it was typed, "" for no limit
	perSecond *float64
}

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// leastRate is one connection an hour: what is slower is a slip.
const leastRate = 1.0 / 3600

var errRate = errors.New("give connections a second, or with /m or /h behind it in a minute or an hour, 1/h or more: 5, 0.5, 30/m; without --rate there is no limit")

// Set reads what was typed.
func (f *rateFlag) Set(text string) error {
	digits, unit, found := strings.Cut(text, "/")
	if !found {
		unit = "s"
	}
	n, err := strconv.ParseFloat(digits, 64)
	in, ok := rateUnits[unit]
	perSecond := n / in.Seconds()
	if err != nil || !ok || math.IsInf(n, 0) || !(perSecond >= leastRate) { // nor NaN
		return errRate
	}
	f.text, *f.perSecond = text, perSecond
	return nil
}

func (f *rateFlag) String() string { return f.text }

// Type is the word for the value in the help.
func (f *rateFlag) Type() string { return "RATE" }
