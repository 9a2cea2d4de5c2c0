# A thin front for CMake and Ninja.
BUILD ?= build
CMAKE_FLAGS ?=
FUZZ_SECONDS ?= 20
# For training in several processes, the report's page in a browser, the library in C++ and
# Python, ONNX files.
TEST_PACKAGES = libopenmpi-dev openmpi-bin chromium chromium-driver g++ python3 python3-venv \
                python3-numpy python3-onnx

.PHONY: build demo test test-asan test-fuzz bench bench-peers bench-tokens schemas symbols lint \
        format install clean deps configure

build: configure
	@ninja -C $(BUILD) vitcod libvitcod pages

configure:
	@cmake -G Ninja -S . -B $(BUILD) $(CMAKE_FLAGS) > /dev/null

deps:
	@tools/install-deps.sh

demo: deps
	@$(MAKE) --no-print-directory build
	@VITCOD=$(CURDIR)/$(BUILD)/vitcod examples/fashion-mnist.sh

test:
	@tools/install-deps.sh $(TEST_PACKAGES)
	@cmake -G Ninja -S . -B $(BUILD) -DVC_WERROR=ON $(CMAKE_FLAGS) > /dev/null
	@ninja -C $(BUILD) vitcod libvitcod pages tests
	@tools/run-tests.sh $(BUILD)

test-asan:
	@tools/install-deps.sh $(TEST_PACKAGES)
	@cmake -G Ninja -S . -B $(BUILD)-asan -DVC_SANITIZE=ON -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-asan vitcod libvitcod pages tests
	@tools/run-tests.sh $(BUILD)-asan

test-fuzz:
	@tools/install-deps.sh clang libclang-rt-dev libomp-dev
	@CC=clang cmake -G Ninja -S . -B $(BUILD)-fuzz -DVC_FUZZ=ON -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-fuzz fuzzers
	@tools/run-fuzzers.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

bench: build
	@ninja -C $(BUILD) benches
	@bench/run.sh $(BUILD)

bench-peers: build
	@ninja -C $(BUILD) bench_model
	@bench/peers/run.sh "$(BUILD)" "$(MODEL)" "$(DATA)" $(PEER_FLAGS)

bench-tokens: build
	@bench/tokens.py $(BUILD)/vitcod "$(MODEL)" "$(DATA)" $(BUILD)/tokens

schemas: build
	@tools/schemas.sh $(BUILD)/vitcod docs/schema

symbols: build
	@tools/symbols.sh $(BUILD)/libvitcod.a >docs/symbols.txt

lint:
	@tools/lint.sh

format:
	@clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

install: build
	@cmake --install $(BUILD)

clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz
