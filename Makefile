# The front door. Each target first installs the packages that it needs and lacks.
DEPS ?= tools/deps.sh
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PYTHON ?= $(shell PATH=/usr/bin:$$PATH command -v python3)
export ONCE FUZZ_SECONDS CHAOS_KILLS CHAOS_SEED

.DEFAULT_GOAL := build
.PHONY: help deps build demo test test-asan test-tsan chaos faults fmt bench bench-files bench-flight bench-queue \
	bench-mesh fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

deps: ## install the packages for building and testing
	@$(DEPS) build test

build: ## build the program: build/sunlead
	@$(DEPS) build
	cmake --preset release
	cmake --build --preset release --target sunlead

demo: build ## a lead gets its 3D model, live (ONCE=1: end by itself)
	@$(DEPS) demo
	tools/demo.sh

test: run-test-release ## build and run all tests
test-asan: run-test-asan ## the same with AddressSanitizer and UBSan
test-tsan: run-test-tsan ## the same with ThreadSanitizer

run-test-%:
	@$(DEPS) build test
	cmake --preset $* -DSUNLEAD_TESTS=ON
	cmake --build --preset $*
	ctest --preset $* -j $(JOBS)

chaos: build ## kill -9 at every step of an order and at CHAOS_KILLS=1000 random instants (CHAOS_SEED=7: again)
	@$(DEPS) test
	CHAOS=full SUNLEAD_BIN=build/sunlead $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/service/test_chaos.py

faults: build ## all pairs of what LightFusion can do wrong, on both databases
	@$(DEPS) test
	SUNLEAD_PAIRS=all SUNLEAD_BIN=build/sunlead $(PYTHON) -m pytest -q -p no:cacheprovider \
		tests/service/test_fault_pairs.py

fmt: ## format the source
	@$(DEPS) test
	tools/check_format.sh --fix

bench: build ## measure speed and memory
	@$(DEPS) bench
	bench/run.sh

bench-flight: build ## memory and CPU with 10,000 models in flight
	@$(DEPS) bench
	bench/flight.sh

bench-queue: ## the job queue beside pg-boss
	@$(DEPS) bench test
	bench/queue.sh

bench-files: build ## serving a large file, beside nginx
	@$(DEPS) bench
	bench/files.sh

bench-mesh: build ## measure the conversion of meshes
	@$(DEPS) test bench
	bench/mesh.sh

fuzz: ## look for inputs that break the parsers (FUZZ_SECONDS=60 each)
	@$(DEPS) build fuzz
	cmake --preset fuzz -DSUNLEAD_TESTS=AUTO
	cmake --build --preset fuzz
	tools/fuzz.sh build/fuzz

clean: ## remove what was built
	rm -rf build
