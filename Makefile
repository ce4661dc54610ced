# make          build the binary
# make test     what README says: go test ./...
# make bench    figures and ratios, measured side by side
# make ci       everything a change has to pass

VERSION ?= $(shell git describe --tags --always 2>/dev/null)

.PHONY: build test bench ci clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o tmdoctor ./cmd/tmdoctor

test:
	go test ./...

bench:
	go test -run '^$$' -bench . -benchmem ./inventory ./remote ./probes ./report ./cmd/...

ci:
	.ci/run

clean:
	rm -f tmdoctor
