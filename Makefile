# FlowCatalyst. `make` alone prints this file's targets.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)

# staticcheck is run by version and stays out of go.mod: it is a tool of the
# repository, not a dependency of the program.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector costs minutes on a small machine, so it is asked for:
# RACE=1 by hand, CI=true by every CI system.
ifneq ($(filter 1 true,$(RACE) $(CI)),)
# SQLite itself is a translation of C, one goroutine at a time in a connection.
# Watching each of its memory accesses finds nothing and takes half the time of
# every test with a store, so that it alone is built without the detector.
RACEFLAG = -race -gcflags=modernc.org/sqlite/lib=-race=false
endif

# LONG is for how long test-long goes on.
LONG ?= 10m

# ROUNDS is how often test-kill kills fcd.
ROUNDS ?= 20

.DEFAULT_GOAL := help
.PHONY: help build demo test bench bench-reads lint ci test-kill test-long clean

help: ## Print this help
	@echo "FlowCatalyst: publish an event, receive the webhook."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables: RACE=1 (test), ARGS='-flags' (bench, bench-reads), ROUNDS=n (test-kill), LONG=10m (test-long), VERSION=v (build)."

build: ## Build static ./bin/fcd and ./bin/fcctl
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./fcd ./fcctl

demo: build ## Watch real events become signed webhooks, on free ports and a throw-away data directory
	@$(GO) run ./internal/demo

test: ## Run every test (RACE=1: with the race detector)
	@for s in zsh fish mandoc; do command -v $$s >/dev/null || \
	  echo "not run: what completes in $$s or checks the manual with it, because $$s is not installed"; done
	$(GO) test $(RACEFLAG) ./...
	cd internal/interop && $(GO) test $(RACEFLAG) ./...

bench: build ## Measure fcd against a line of raw HTTP POSTs (ARGS='-json -check …')
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/bench ./internal/bench
	@./bin/bench $(ARGS)

bench-reads: build ## Measure reads, publishing and retention with ten million jobs (ARGS='-n …')
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/bench ./internal/bench
	@./bin/bench -scenario aged -check $(ARGS)

lint: ## gofmt, go vet and staticcheck
	@out=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .); \
	if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	cd internal/interop && $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

test-kill: ## kill -9 fcd while events flow, ROUNDS times, and account for every event
	FC_TEST_KILL_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 30m -run '^TestKill' -v ./fcd

test-long: ## Drive the whole pipeline at random for LONG, and account for every event
	FC_TEST_PIPELINE=$(LONG) $(GO) test -count=1 -timeout 0 -run '^TestPipeline' -v ./daemon

ci: ## What CI runs: .ci/run
	@./.ci/run

clean: ## Remove what build and bench left
	rm -rf bin dist
