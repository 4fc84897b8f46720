# Every target does its own set-up. Go and make are enough for build, up, sim, test, lint and bench; with Node 20 the web apps
# are built, too. proto and verify want Node (buf comes from npm); verify also Java 17 and Maven, and Debian's Chromium and Redis.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

TOOLS := $(CURDIR)/bin/tools
BUF   := tools/node_modules/.bin/buf
# What npm writes when services/web is installed as its lock says.
WEB   := services/web/node_modules/.package-lock.json
# The same for the stories in real browsers.
BROWSER := tests/browser/node_modules/.package-lock.json
# A cache of its own: two checkouts of one module in a shared one report each other's findings.
LINT  := GOLANGCI_LINT_CACHE=$(TOOLS)/lint-cache $(TOOLS)/golangci-lint
# One binary per services/NAME/cmd/NAME.
MAINS := $(addprefix ./,$(wildcard services/*/cmd/*))
# One way to compile for building, vetting, testing and linting: otherwise all that we depend on is compiled twice, and again in
# every other checkout.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)
# What gofmt looks at: all but what npm installs.
GODIRS := $(wildcard *.go pkg services tests)
# go refuses a module without a package.
SUITES := $(wildcard tests/*/*.go tests/*/*/*.go)
TESTFLAGS ?=
ARGS      ?=

.PHONY: help build web up sim test verify explore seeds lint proto bench fmt vet fmt-check race proto-check tidy-check page-check web-check browser browser-stack browser-figures pictures whole real stack-up stack-down up-stack

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

build: web ## bin/vigie and one binary per service, with the web apps in the gateway
	@mkdir -p bin
	go build -o bin/ $(if $(MAINS),$(MAINS),./services/vigie/cmd/vigie)

# The apps are built when something of theirs is newer than what was built.
APPS   := services/gateway/internal/apps/dist/console/index.html
APPSRC := $(shell find services/web -path services/web/node_modules -prune -o -type f -print)

web:
	@if command -v npm >/dev/null; then $(MAKE) $(APPS); \
	else echo "No Node 20 here: the console and the handheld are left out; everything else is built and runs."; fi

$(APPS): $(APPSRC) $(WEB)
	cd services/web && npm run --silent build
	@touch $@

up: build ## everything in one process, in the foreground, data in ./data
	@exec bin/vigie up --data ./data --region deployments/regions/aphp.yaml --listen-tls :8443 $(ARGS)

sim: build ## a simulated day; ARGS="--for 1h --seed 7"
	@exec bin/vigie sim $(ARGS)

test: fmt-check vet build ## format, vet, unit tests, then the scenarios against bin/vigie
	go test $(TESTFLAGS) ./...
	@# The scenarios run a program the test cache knows nothing about. tests/real starts Kafka: not here.
	$(if $(SUITES),cd tests && VIGIE_BIN=$(CURDIR)/bin/vigie go test -count=1 $(TESTFLAGS) $$(go list ./... | grep -v /real/))

verify: lint race proto-check tidy-check page-check web-check browser whole seeds real browser-stack ## lint, race detector, contracts, modules, long suites, 10 000 simulated worlds, real browsers, Kafka and Redis

lint: $(TOOLS)/golangci-lint ## golangci-lint, zero findings
	$(LINT) run ./...
	$(if $(SUITES),cd tests && $(LINT) run --config $(CURDIR)/.golangci.yml ./...)

stack-up: ## Kafka (three nodes) and Redis in the background, no containers; ARGS="--brokers 1"
	@go build -o $(TOOLS)/stack ./tests/stack/cmd/stack
	@$(TOOLS)/stack up --dir $(CURDIR)/data/stack $(ARGS)

stack-down: ## stop them; what they held is gone
	@go build -o $(TOOLS)/stack ./tests/stack/cmd/stack
	@$(TOOLS)/stack down --dir $(CURDIR)/data/stack

up-stack: build ## every service in a process of its own on real Kafka and Redis, in the foreground
	@go build -o $(TOOLS)/apart ./tests/stack/cmd/apart
	@exec $(TOOLS)/apart $(ARGS)

proto: $(BUF) $(TOOLS)/protoc-gen-go $(WEB) ## generated code from proto/ and the API's description, into pkg/gen and services/web/src/gen
	$(BUF) generate
	@$(MAKE) build
	tools/api-types

# What the deterministic simulator (tests/sim) is asked for: how many worlds, from which seed on.
SEEDS ?= 100000
FROM  ?= 1

explore: ## simulated worlds under faults, SEEDS of them from FROM on; what fails says how to run it again
	cd tests && go test -count=1 -timeout 24h ./sim -run 'TestSeeds$$' -v -args -seeds=$(SEEDS) -from=$(FROM)

seeds: ## the same for 10 000 seeds
	@$(MAKE) explore SEEDS=10000 FROM=1

bench: build ## a table of figures, and bench.json
	cd tests && VIGIE_BIN=$(CURDIR)/bin/vigie go run ./load/bench $(ARGS)

fmt: $(TOOLS)/golangci-lint ## format all Go code
	$(LINT) fmt

fmt-check:
	@bad="$$(gofmt -l $(GODIRS))"; \
	if [ -n "$$bad" ]; then echo "not formatted (run make fmt):"; echo "$$bad"; exit 1; fi

vet:
	go vet ./...
	$(if $(SUITES),cd tests && go vet ./...)

race:
	go test -race $(TESTFLAGS) ./...

proto-check: $(BUF) $(TOOLS)/protoc-gen-go $(WEB)
	BUF=$(BUF) tools/proto-check

tidy-check:
	tools/tidy-check

page-check:
	@command -v node >/dev/null || { echo "the start page's own tests want Node 20 or newer: install it, then again"; exit 1; }
	node --test services/gateway/internal/page/test/

web-check: build $(WEB) $(BROWSER) ## the web apps: style, types, unit tests
	cd services/web && npm run --silent check && npm test --silent
	tools/api-types --check
	cd tests/browser && npm run --silent check

browser: build $(BROWSER) ## stories over the running program in Debian's Chromium; pictures of every view in tests/browser/shots
	tools/chromium
	cd tests/browser && VIGIE_BIN=$(CURDIR)/bin/vigie npm test --silent -- $(ARGS)

browser-stack: build $(BROWSER) ## the same where each service is a process of its own on real Kafka and Redis, which die and stand still
	tools/chromium
	@go build -o $(TOOLS)/apart ./tests/stack/cmd/apart
	cd tests/browser && VIGIE_APART=$(TOOLS)/apart npx vitest run --config stack.config.ts

browser-figures: build $(BROWSER) ## how fast the web apps are on this machine, as a table; traces in tests/browser/shots
	tools/chromium
	cd tests/browser && VIGIE_BIN=$(CURDIR)/bin/vigie npx vitest run --config figures.config.ts

pictures: build $(BROWSER) ## the pictures of the README, anew
	tools/chromium
	cd tests/browser && VIGIE_BIN=$(CURDIR)/bin/vigie npx vitest run --config pictures.config.ts

whole: ## the whole conformance suite of the message adapter, on the embedded broker
	VIGIE_TEST_WHOLE=1 go test -count=1 -run Watermill ./pkg/eventlog/kafkalog/pubsub

real: build ## what only real Kafka and Redis can show, and the scenarios with a process per service; starts them
	cd tests && VIGIE_BIN=$(CURDIR)/bin/vigie go test -p 1 -count=1 -timeout 20m $(TESTFLAGS) ./real/...
	cd tests && VIGIE_TOPOLOGY=kafka VIGIE_BIN=$(CURDIR)/bin/vigie go test -count=1 -timeout 20m $(TESTFLAGS) ./scenario

# Tools are built from their own module, pinned there, outside the workspace: inside it, their versions would move ours.
$(TOOLS)/golangci-lint: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	cd tools && GOWORK=off go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/protoc-gen-go: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	cd tools && GOWORK=off go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go

# No install script runs: the platform's buf is a package of its own, picked by npm. Not npm ci: it wants every platform's
# package in the lock, and the lock holds the platforms we build on; what it holds is still checked against its digest.
$(WEB): services/web/package.json services/web/package-lock.json
	@command -v npm >/dev/null || { echo "the web apps are built with npm: install Node 20 or newer, then again"; exit 1; }
	npm install --prefix services/web --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

$(BROWSER): tests/browser/package.json tests/browser/package-lock.json
	@command -v npm >/dev/null || { echo "the browser stories want npm: install Node 20 or newer, then again"; exit 1; }
	npm install --prefix tests/browser --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

$(BUF): tools/package.json tools/package-lock.json
	@command -v npm >/dev/null || { echo "buf comes from npm: install Node 20 or newer, then again"; exit 1; }
	npm install --prefix tools --no-save --ignore-scripts --no-audit --no-fund
	@touch $@
