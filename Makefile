# make          build the binary
# make test     what README says: go test ./...
# make man      the man pages, in man/
# make bench    figures and ratios, measured side by side
# make truth    the resolvers against the programs of Debian 11, 12 and 13 (root)
# make flink    real TaskManagers, each with one thing wrong, and what tmdoctor says (root)
# make fix      fixes of real hosts, disturbed at every operation, and undone (root)
# make ci       everything a change has to pass

VERSION ?= $(shell git describe --tags --always 2>/dev/null)

.PHONY: build test man bench truth flink fix ci clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o tmdoctor ./cmd/tmdoctor

test:
	go test ./...

man: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
man:
	go run ./cmd/tmdoctor man man

bench:
	go test -run '^$$' -bench . -benchmem ./inventory ./remote ./probes ./probes/conf ./probes/fix ./report ./cmd/...

truth: export TMDOCTOR_TRUTH ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tmdoctor/truth
truth:
	probes/conf/testdata/truth/roots.sh
	go test -run '^TestTruth' -count=1 -v ./probes/conf

flink: export TMDOCTOR_FLINK ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tmdoctor/flink
flink:
	cmd/tmdoctor/testdata/flink/flink.sh
	go test -run '^TestFlink$$' -count=1 -timeout 20m -v ./cmd/tmdoctor

fix: export TMDOCTOR_TRUTH ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tmdoctor/truth
fix:
	probes/conf/testdata/truth/roots.sh
	TMDOCTOR_FIX=1 go test -run '^TestFix' -count=1 -parallel 8 -timeout 20m -v ./cmd/tmdoctor

ci:
	.ci/run

clean:
	rm -rf tmdoctor man
