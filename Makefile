# A thin front for CMake and Ninja.
BUILD ?= build
CMAKE_FLAGS ?=
FUZZ_SECONDS ?= 20
TORTURE_MINUTES ?= 20
RANDOM_MINUTES ?= 5
# For training in several processes, the report's page in a browser, the library in C++ and
# Python, its notebook, ONNX files, manual pages and completions of shells, packed archives, RTL, a
# device of OpenCL on the CPU.
TEST_PACKAGES = libopenmpi-dev openmpi-bin chromium chromium-driver g++ python3 python3-venv \
                python3-numpy python3-nbclient python3-ipykernel python3-onnx man-db zsh fish \
                xz-utils verilator ocl-icd-libopencl1 pocl-opencl-icd libclblast1
TSAN_TESTS = test_loader test_loader_training test_memory_limit test_file

.PHONY: build demo test test-rtl rtl-area test-asan test-clang test-tsan test-fuzz test-random \
        torture torture-memory coverage check-all bench bench-peers bench-tokens schemas symbols \
        lint format dist sbom packages install clean deps configure

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
	@cmake -G Ninja -S . -B $(BUILD) -DVC_WERROR=ON -DVC_MPI=ON $(CMAKE_FLAGS) > /dev/null
	@ninja -C $(BUILD) vitcod libvitcod pages tests
	@tools/run-tests.sh $(BUILD)

# RTL against the simulator, to the bit and the cycle; writes docs/rtl.md's tables of models.
test-rtl:
	@tools/install-deps.sh g++ verilator python3
	@$(MAKE) --no-print-directory build
	@rtl/cosim.py $(BUILD) chips
	@rtl/cosim.py $(BUILD) models --page docs/rtl.md

# Cells of RTL's modules by Yosys; writes docs/rtl.md's table. A quarter of an hour.
rtl-area:
	@tools/install-deps.sh python3 yosys qflow-tech-osu018
	@$(MAKE) --no-print-directory build
	@rtl/area.py $(BUILD) --page docs/rtl.md

test-asan:
	@tools/install-deps.sh $(TEST_PACKAGES)
	@cmake -G Ninja -S . -B $(BUILD)-asan -DVC_SANITIZE=ON -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-asan vitcod libvitcod pages tests
	@tools/run-tests.sh $(BUILD)-asan

# Another compiler, with its own warnings: the tests of the rooms.
test-clang:
	@tools/install-deps.sh clang libomp-dev
	@CC=clang cmake -G Ninja -S . -B $(BUILD)-clang -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-clang vitcod libvitcod tests
	@tools/run-tests.sh $(BUILD)-clang $$(ls -d $(BUILD)-clang/tests/test_* | grep -v fail_always)

# Data races: tests whose threads are the loader's, since the sanitizer does not see how OpenMP's
# wait for each other.
test-tsan:
	@tools/install-deps.sh
	@cmake -G Ninja -S . -B $(BUILD)-tsan -DVC_TSAN=ON -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-tsan $(TSAN_TESTS)
	@OMP_NUM_THREADS=1 TSAN_OPTIONS=halt_on_error=1 \
	    tools/run-tests.sh $(BUILD)-tsan $(TSAN_TESTS:%=$(BUILD)-tsan/tests/%)

# Random models in different ways that must agree; prints the seed that brings a failure back.
test-random: build
	@tests/random/differential.py $(BUILD) $$((60 * $(RANDOM_MINUTES)))

# Runs that fail in every way that a machine has; writes what was lost.
torture:
	@tools/install-deps.sh $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory build
	@ninja -C $(BUILD) torture_shim failing_alloc
	@tests/torture/torture.py $(BUILD) $$((60 * $(TORTURE_MINUTES))) --jobs $$(nproc) \
	    --page docs/reliability.md

# Lets requests for memory of every verb fail, one in each process; writes what was lost.
torture-memory:
	@tools/install-deps.sh $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory build
	@ninja -C $(BUILD) torture_shim failing_alloc
	@tests/torture/every_request.py $(BUILD) --page docs/reliability.md

# Which lines the tests run; what they do not stands in $(BUILD)-coverage/lines.txt, and what
# matters of it on the page.
coverage:
	@tools/install-deps.sh $(TEST_PACKAGES) gcovr
	@cmake -G Ninja -S . -B $(BUILD)-coverage -DVC_COVERAGE=ON > /dev/null
	@ninja -C $(BUILD)-coverage vitcod libvitcod pages tests
	@TEST_SECONDS=1800 CASE_SECONDS=600 tools/run-tests.sh $(BUILD)-coverage || true
	@gcovr -r . --object-directory $(BUILD)-coverage --filter src/ --exclude src/kernels/simd.h \
	    --exclude-unreachable-branches \
	    --gcov-ignore-parse-errors -j 2 --txt $(BUILD)-coverage/lines.txt \
	    --csv $(BUILD)-coverage/lines.csv --print-summary --fail-under-line 90 || low=1; \
	tools/coverage.py $(BUILD)-coverage/lines.csv docs/reliability.md && [ -z "$$low" ]

# The tests that are programs, as a word of the shell: they are built by then.
UNITS = $$(ls -d $(BUILD)/tests/test_* | grep -v fail_always)

# What stands before a release, within an hour on two cores.
check-all:
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test
	@VC_ISA=ref tools/run-tests.sh $(BUILD) $(UNITS)
	@VC_ISA=avx2 ONEDNN_MAX_CPU_ISA=AVX2 tools/run-tests.sh $(BUILD) $(UNITS)
	@$(MAKE) --no-print-directory test-clang
	@$(MAKE) --no-print-directory test-asan
	@$(MAKE) --no-print-directory test-tsan
	@$(MAKE) --no-print-directory test-fuzz FUZZ_SECONDS=10
	@$(MAKE) --no-print-directory test-random RANDOM_MINUTES=2
	@tests/torture/torture.py $(BUILD) 180

test-fuzz:
	@tools/install-deps.sh clang libclang-rt-dev libomp-dev
	@CC=clang cmake -G Ninja -S . -B $(BUILD)-fuzz -DVC_FUZZ=ON -DVC_WERROR=ON > /dev/null
	@ninja -C $(BUILD)-fuzz fuzzers
	@FUZZ_PAGE=$(FUZZ_PAGE) tools/run-fuzzers.sh $(BUILD)-fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: build
	@ninja -C $(BUILD) benches
	@bench/run.sh $(BUILD)

bench-peers: build
	@ninja -C $(BUILD) bench_model bench_peak
	@bench/peers/run.sh "$(BUILD)" "$(MODEL)" "$(DATA)" $(PEER_FLAGS)

bench-tokens: build
	@bench/tokens.py $(BUILD)/vitcod "$(MODEL)" "$(DATA)" $(BUILD)/tokens \
		--write bench/README.md docs/pictures/time-by-tokens.svg $(TOKEN_FLAGS)

schemas: build
	@tools/schemas.sh $(BUILD)/vitcod docs/schema

symbols: build
	@tools/symbols.sh $(BUILD)/libvitcod.a >docs/symbols.txt

dist:
	@tools/dist.sh $(BUILD)

sbom: build
	@tools/sbom.sh $(BUILD)/vitcod $(BUILD)/libvitcod.so >$(BUILD)/sbom.json
	@echo $(BUILD)/sbom.json

packages:
	@tools/install-deps.sh debhelper dh-python python3 libopenmpi-dev
	@tools/package.sh $(BUILD)/packages

lint:
	@tools/lint.sh

format:
	@clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

install: build
	@cmake --install $(BUILD)

clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-coverage
