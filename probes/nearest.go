package probes

// nearest is the known name that differs from word in the fewest letters, ""
// where none is close: more than a third of the letters (at least one) wrong
// is another word, not a slip.
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, limit := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// distance is how many letters of a must be inserted, deleted or replaced to
// make it b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			row[j+1] = min(above, row[j]) + 1
			if a[i] == b[j] {
				row[j+1] = min(row[j+1], diagonal)
			} else {
				row[j+1] = min(row[j+1], diagonal+1)
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
