# The front door. Each target first installs the packages that it needs and lacks.
DEPS ?= tools/deps.sh
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
export ONCE FUZZ_SECONDS

.DEFAULT_GOAL := build
.PHONY: help deps build demo test test-asan test-tsan fmt bench bench-mesh fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

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

fmt: ## format the source
	@$(DEPS) test
	tools/check_format.sh --fix

bench: build ## measure speed and memory
	@$(DEPS) bench
	bench/run.sh

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
