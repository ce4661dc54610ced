# make          build the binary
# make test     what README says: go test ./...
# make bench    figures and ratios, measured side by side
# make truth    the resolvers against the programs of Debian 11, 12 and 13 (root)
# make ci       everything a change has to pass

VERSION ?= $(shell git describe --tags --always 2>/dev/null)

.PHONY: build test bench truth ci clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o tmdoctor ./cmd/tmdoctor

test:
	go test ./...

bench:
	go test -run '^$$' -bench . -benchmem ./inventory ./remote ./probes ./probes/conf ./report ./cmd/...

truth: export TMDOCTOR_TRUTH ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tmdoctor/truth
truth:
	probes/conf/testdata/truth/roots.sh
	go test -run '^TestTruth' -count=1 -v ./probes/conf

ci:
	.ci/run

clean:
	rm -f tmdoctor
