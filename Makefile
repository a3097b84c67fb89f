# What can be done here: `make help`. Everything works in a fresh clone, as root and as an ordinary user.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.SUFFIXES:

BIN     := node_modules/.bin
RUN     := node --enable-source-maps
TESTS   := $(RUN) dist/tools/test/run.js
BIOME   := $(BIN)/biome

# npm writes this file at the end of every install, so its time says when that was.
DEPS    := node_modules/.package-lock.json
ADDON   := build/Release/tcp_striper.node
TS      := dist/.compiled

# Folders count as sources too: their time changes when a file is taken away.
sources = $(if $(wildcard $(1)),$(shell find $(1) -mindepth 1 -name build -prune -o -print))
NATIVE_SOURCES := $(wildcard binding.gyp native/*.cc native/*.h native/sources.txt)
TS_SOURCES     := tsconfig.json $(call sources,src) $(call sources,test) $(call sources,tools)

.PHONY: help
help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile

# --- building -----------------------------------------------------------------------------------------------------

.PHONY: deps
deps: $(DEPS) ## install the npm packages of package-lock.json, when it changed

$(DEPS): package-lock.json
	@echo 'Installing npm packages ...'
	@npm ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

.PHONY: build
build: native ts ## compile the native addon and the TypeScript, as far as they changed

.PHONY: ts
ts: $(TS)

$(TS): $(DEPS) $(TS_SOURCES)
	@echo 'Compiling TypeScript ...'
	@$(BIN)/tsc -p .
	@$(BIN)/tsc -p src/dashboard/page
	@cp src/dashboard/page/*.html src/dashboard/page/*.css src/dashboard/page/*.svg dist/src/dashboard/page/
	@chmod +x dist/src/cli/main.js 2>/dev/null || true
	@touch $@

# Never an error by itself: without the addon everything works over node:net. The script says so.
.PHONY: native
native: $(if $(NATIVE_SOURCES),$(ADDON))

$(ADDON): $(NATIVE_SOURCES) | $(DEPS)
	@tools/package/build-native.sh $@

.PHONY: wan
wan: ## build the WAN emulator: tools/wan/README.md
	@tools/test/install-debian.sh wan
	@tools/wan/wan list

.PHONY: clean
clean: ## remove everything that was built; node_modules stays
	rm -rf dist build prebuilds .tap tcp-striper-*.tgz

# --- trying it ----------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build ## move real data through a pair of proxies and show what happened
	@$(RUN) dist/tools/demo/demo.js

.PHONY: demo-wan
demo-wan: build ## show one flow and the striped one side by side on a capped link (root, Linux)
	@tools/test/install-debian.sh wan
	@$(RUN) dist/tools/demo/wan.js

.PHONY: run
# On a terminal as a job of its own (-m), so that Ctrl-C reaches it alone: make would be interrupted, and call that an error.
run: build ## leave a pair of proxies running, with the commands to try
	@if [ -t 0 ]; then bash -mc "$(RUN) dist/tools/demo/run.js $$PPID; exit \$$?"; else $(RUN) dist/tools/demo/run.js; fi

# --- checking -----------------------------------------------------------------------------------------------------

.PHONY: test
test: build test-packages ## build, then run every test; ends with `N passed, N failed`
	@$(TESTS)

.PHONY: test-packages
test-packages:
	@tools/test/install-debian.sh

.PHONY: check
check: static unit ## format, lint, types, layering, house rules and unit tests: under two minutes

.PHONY: static
static: build ## check without the tests
	@echo 'Format and lint ...'
	@$(BIOME) check --error-on-warnings
	@echo 'Layering and house rules ...'
	@$(RUN) dist/tools/check/main.js

.PHONY: unit
unit: build ## run the tests that need nothing but Node
	@$(TESTS) --except test/e2e/

# The default is SEEDS=10000; SEED=n replays the one that failed.
.PHONY: sim
sim: build ## simulate trunks over bad networks: SEEDS=n so many seeds, or SEED=n to replay one
	@$(TESTS) test/sim/

.PHONY: lint
lint: $(DEPS) ## look for mistakes in the TypeScript
	@$(BIOME) lint --error-on-warnings

.PHONY: format
format: $(DEPS) ## format the TypeScript and sort its imports
	@$(BIOME) check --write --linter-enabled=false

.PHONY: test-asan
test-asan: $(DEPS) ## run the addon's tests under AddressSanitizer and UBSan
	@native/test-asan.sh

# What is found lies in build/fuzz, with the command that shows it again.
.PHONY: fuzz
fuzz: build ## look for inputs that break a decoder, guided by coverage: FUZZ=--help says how long and which
	@nice $(RUN) dist/tools/fuzz/main.js $(FUZZ)
	@native/fuzz/fuzz.sh

.PHONY: soak
soak: build ## run a pair under load and faults for an hour, or HOURS=n or MINUTES=n
	@$(RUN) dist/tools/soak/main.js

# --- measuring and shipping ---------------------------------------------------------------------------------------

.PHONY: bench-relay
bench-relay: build ## compare the relay with HAProxy, nginx, socat and Node's own pipes
	@tools/test/install-debian.sh bench
	@$(RUN) dist/tools/bench/relay.js

.PHONY: bench-striped
bench-striped: build ## compare the striped pair with the classic one and with HAProxy
	@tools/test/install-debian.sh bench
	@$(RUN) dist/tools/bench/striped.js

.PHONY: bench-tls
bench-tls: build ## compare the encrypted pair with HAProxy and stunnel, both with TLS
	@tools/test/install-debian.sh bench
	@$(RUN) dist/tools/bench/tls.js

.PHONY: bench-compress
bench-compress: build ## compare ways to compress with ssh -C and with the zstd and lz4 commands
	@tools/test/install-debian.sh bench
	@$(RUN) dist/tools/bench/compress.js $(COMPRESS)

.PHONY: bench-hostile
bench-hostile: build ## what 10,000 garbage connections and 1,000 silent ones do to a legitimate user
	@$(RUN) dist/tools/bench/hostile.js $(HOSTILE)

.PHONY: bench-wan
# All of it takes hours, and can be done in pieces: make bench-wan WAN='--save --only flow-cap'.
bench-wan: build ## compare over bad networks, a first look; WAN=--help says what else there is (root, Linux)
	@tools/test/install-debian.sh wan
	@$(RUN) dist/tools/bench/wan.js $(or $(WAN),--quick)

# A package without its binary is a broken one.
.PHONY: package
package: export STRIPER_NATIVE = required
package: build ## make the npm tarball, with the native binary inside
	@$(RUN) dist/tools/package/package.js

.PHONY: test-package
test-package: package ## install the tarball in empty folders, with no compiler, on Node 20, 22 and 24
	@$(RUN) dist/tools/package/try.js
