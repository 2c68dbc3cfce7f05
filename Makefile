# Everything a developer runs. "make" lists it. Under CI=true nothing is skipped: what is missing is an error.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null)
FUZZTIME ?= 60s
# Run by version, so that its dependencies are no part of our go.mod.
LINT     := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The race detector needs a C compiler with the C library's headers; -fsyntax-only writes no file.
HAVE_CC    = printf '\#include <stdlib.h>\n' | $$(go env CC) -fsyntax-only -x c - >/dev/null 2>&1
HAVE_REDIS = command -v redis-server >/dev/null
HAVE_LINT  = command -v xmllint >/dev/null
HAVE_XMPP  = { command -v prosody && command -v erl && ls /usr/lib/*/ejabberd-*/ebin/ejabberd.app && ls -d /usr/lib/prosody/modules/mod_privilege; } >/dev/null 2>&1
HAVE_SLIX  = /usr/bin/python3 -c 'import slixmpp' 2>/dev/null
HAVE_FEEDP = /usr/bin/python3 -c 'import feedparser' 2>/dev/null
HAVE_CURL  := command -v curl >/dev/null && command -v jq >/dev/null && command -v python3 >/dev/null
HAVE_PHP   = { command -v php && test -e /usr/share/php/Pubsubhubbub/Publisher/Publisher.php; } >/dev/null
HAVE_NPM   = { command -v node && command -v npm; } >/dev/null

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/thoonkd, a static binary
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/thoonkd ./cmd/thoonkd
	@echo "bin/thoonkd $(VERSION)"

.PHONY: run
run: build ## Build and serve on 127.0.0.1:8080, with the data in ./data; ARGS="--listen …" adds flags
	@exec bin/thoonkd serve --data data $(ARGS)

.PHONY: openapi
openapi: ## Write openapi/openapi.json and docs.html anew, from the annotations in api and from openapi/gen/parts
	@go generate ./openapi

# Debian starts the services that it installs, unless policy-rc.d says 101.
.PHONY: deps
deps: ## Install what the tests need, where apt-get can: servers, a C compiler, npm; no service is started
	@packages=; \
	$(HAVE_REDIS) || packages+=" redis-server"; \
	$(HAVE_CC) || packages+=" gcc libc6-dev"; \
	$(HAVE_NPM) || packages+=" nodejs npm"; \
	$(HAVE_LINT) || packages+=" libxml2-utils"; \
	$(HAVE_FEEDP) || packages+=" python3-feedparser"; \
	$(HAVE_CURL) || packages+=" curl jq python3"; \
	$(HAVE_PHP) || packages+=" php-cli php-pubsubhubbub-publisher"; \
	$(HAVE_XMPP) || packages+=" prosody prosody-modules lua-unbound ejabberd"; \
	$(HAVE_SLIX) || packages+=" python3-slixmpp"; \
	if [[ -n $$packages && $$(id -u) = 0 ]] && command -v apt-get >/dev/null; then \
		echo "== installing$$packages"; \
		export DEBIAN_FRONTEND=noninteractive; \
		policy=/usr/sbin/policy-rc.d; \
		if [[ ! -e $$policy ]]; then \
			trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod +x $$policy; \
		fi; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$packages; } >/dev/null || \
			echo "apt-get could not install$$packages"; \
	fi; \
	missing=0; \
	$(HAVE_REDIS) || { missing=1; echo "redis-server is missing: every test on a real Redis is skipped"; }; \
	$(HAVE_CC) || { missing=1; echo "a C compiler is missing: the tests run without the race detector"; }; \
	$(HAVE_NPM) || { missing=1; echo "npm is missing: the OpenAPI document is not linted, and no client is made of it"; }; \
	$(HAVE_LINT) || { missing=1; echo "xmllint is missing: no feed document is held to its schema"; }; \
	$(HAVE_PHP) || { missing=1; echo "php or its publisher is missing: no publisher of others pings the hub"; }; \
	$(HAVE_FEEDP) || { missing=1; echo "python3-feedparser is missing: it does not read our feeds"; }; \
	$(HAVE_CURL) || { missing=1; echo "curl, jq or python3 is missing: the workers of the README are not run"; }; \
	$(HAVE_XMPP) || { missing=1; echo "prosody or ejabberd is missing: the component is not attached to a real server"; }; \
	$(HAVE_SLIX) || { missing=1; echo "python3-slixmpp is missing: no client of another's uses the component"; }; \
	if [[ $$missing = 1 && $${CI:-} = true ]]; then echo "CI=true skips nothing"; exit 1; fi

.PHONY: test
test: deps fmt-check vet lint ## Everything that must pass: format, vet, linter, all tests with the race detector
	@$(call gotest,)

# The tests, with the race detector where it can be had.
define gotest
	if $(HAVE_CC); then \
		echo "== go test -race $(1)"; CGO_ENABLED=1 go test -race -timeout 20m $(1) ./...; CGO_ENABLED=1 go -C internal/bench test -mod=mod -race $(1) ./...; \
	else \
		echo "== go test $(1)(no C compiler: WITHOUT -race)"; go test -timeout 20m $(1) ./...; go -C internal/bench test -mod=mod $(1) ./...; \
	fi
endef

.PHONY: unit
unit: ## The tests alone, quickly
	@go test ./...

.PHONY: fmt-check
fmt-check: ## Check that every file is gofmt-ed
	@echo "== gofmt"
	@bad=$$(gofmt -l .); if [[ -n $$bad ]]; then echo "not gofmt-ed; run gofmt -w on:"; echo "$$bad"; exit 1; fi

.PHONY: vet
vet: ## Run go vet
	@echo "== go vet"
	@go vet ./...
	@go -C internal/bench vet -mod=mod ./...

.PHONY: lint
lint: ## Run golangci-lint (.golangci.yml); the first time it is compiled, which takes minutes
	@echo "== golangci-lint"
	@$(LINT) run --allow-parallel-runners

# Go before 1.27 may fail a target with nothing but "context deadline exceeded" when its time is up (golang/go#75804).
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME=60s
	@go list -f '{{.Dir}} {{.ImportPath}}' ./... | while read -r dir pkg; do \
		for target in $$(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -d' ' -f2); do \
			echo "== $$target in $$pkg for $(FUZZTIME)"; \
			if ! out=$$(go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$pkg" 2>&1) && \
				{ [[ $$out == *'Failing input'* || $$out != *$$'\n    context deadline exceeded\n'* ]]; }; then \
				echo "$$out"; exit 1; \
			fi; \
			awk '/execs:/ {last = $$0} END {print last}' <<<"$$out"; \
		done; \
	done

.PHONY: soak
soak: deps fuzz ## The long run: fuzzing, all tests five times, then the stress and model tests at full size
	@$(call gotest,-count=5 )
	@echo "== stress at full size"; THOONKD_TEST_SOAK=1 go test -timeout 60m -count=1 -run 'Stress|SurviveCrashes|KilledWorker' -v ./cmd/thoonkd
	@echo "== models at full size"; go test -timeout 60m -count=10 -run Model ./internal/store -rapid.checks=100

.PHONY: bench
bench: deps ## Measure against peers, side by side, in minutes on an idle machine; ARGS="-run 'script|fanout' -profile DIR"
	@go -C internal/bench build -mod=mod -o ../../bin/bench .
	@exec bin/bench $(ARGS)

.PHONY: cover
cover: ## Measure the coverage of all packages by all tests, into cover.html
	@go test -coverpkg=./... -coverprofile=cover.out ./...
	@go tool cover -html=cover.out -o cover.html
	@go tool cover -func=cover.out | tail -n 1

.PHONY: clean
clean: ## Remove what was built
	@rm -rf bin cover.out cover.html
