package inventory

import "strings"

// nearest is the candidate that differs from word in the fewest letters, or
// empty where none is close: more than a third of the word (at least one
// letter) wrong is another word, not a slip.
func nearest(word string, candidates []string) string {
	best, limit := "", max(1, len(word)/3)
	low := strings.ToLower(word)
	for _, c := range candidates {
		if c == word {
			continue
		}
		d := distance(low, strings.ToLower(c), limit)
		if d > limit || (d == limit && best != "") {
			continue
		}
		best, limit = c, d
	}
	return best
}

// distance is the optimal string alignment distance of a and b (insert,
// delete, replace, swap of neighbours), or limit+1 if it is above limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before, last, now []int
	last = make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now = make([]int, len(b)+1)
		now[0] = i
		low := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
			low = min(low, now[j])
		}
		if low > limit+1 {
			return limit + 1
		}
		before, last = last, now
	}
	return last[len(b)]
}
