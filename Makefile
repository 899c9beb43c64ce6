# The steps of the experiment, by name. `make all` runs all of them, `make test` checks
# everything; both install what is missing.

EXPERIMENT ?= experiments/table1.toml
RUN        ?= results/latest
PREFIX     ?= /usr/local

CARGO := cargo
# Static, so that the same file runs here, on other machines, and in the test rig.
STATIC   := --release --target x86_64-unknown-linux-musl
TOLLGATE := build/tollgate
GUEST    := --profile guest --target x86_64-unknown-none
# The same bytes wherever the sources and the registry's copies are.
CARGO_HOME  ?= $(HOME)/.cargo
GUEST_FLAGS := RUSTFLAGS="--remap-path-prefix=$(CARGO_HOME)=cargo --remap-path-prefix=$(CURDIR)=tollgate"

.PHONY: all deps kernels linux ring0 unikraft-like debian-kernel guest-bench probe-bench initramfs tools trace-plugin install run parse process plot \
        test test-begin test-end test-deps test-style test-docs test-units test-vmm test-report test-kernels \
        test-commands test-probes test-kvm picture bench-boot bench-process bench-usage clean properclean

# The steps run one after the other. Each prints how long it took.
.NOTPARALLEL:
.ONESHELL:
SHELL       := ./timed.sh
.SHELLFLAGS  = $@

# A failed boot (85) does not affect the others or their table; the last step reports it.
all: OR_FAILED_BOOT = || [ $$? -eq 85 ]
all: kernels initramfs trace-plugin run parse process plot

deps:
	./deps.sh

kernels: linux ring0

linux: deps
	kernels/linux/build.sh

ring0: deps
	$(GUEST_FLAGS) $(CARGO) build --quiet $(GUEST) -p ring0 --bin ring0
	install -D -m 644 target/x86_64-unknown-none/guest/ring0 build/ring0

# Only tests boot it.
unikraft-like: deps
	$(GUEST_FLAGS) $(CARGO) build --quiet $(GUEST) -p ring0 --bin unikraft-like
	install -D -m 644 target/x86_64-unknown-none/guest/unikraft-like build/unikraft-like

guest-bench: deps
	$(GUEST_FLAGS) $(CARGO) build --quiet $(GUEST) -p guest-bench
	install -D -m 755 target/x86_64-unknown-none/guest/guest-bench build/guest-bench

# Carries out watches: init in a guest, or a process.
probe-bench: deps
	$(CARGO) build --quiet $(STATIC) -p probes
	install -D -m 755 target/x86_64-unknown-linux-musl/release/probe-bench build/probe-bench

# What experiments/probes-quick.toml boots.
debian-kernel:
	kernels/debian/fetch.sh 6.12.117+deb12 6.12

tools: deps
	$(CARGO) build --quiet $(STATIC) -p tools
	install -D -m 755 target/x86_64-unknown-linux-musl/release/tollgate $(TOLLGATE)

# QEMU loads it, so it is not a static file.
trace-plugin: deps
	$(CARGO) build --quiet --release -p trace-plugin
	install -D -m 755 target/release/libtrace_plugin.so build/libtollgate-trace.so

# Installs what `make tools` has built, so that root does not need a compiler.
install:
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" ./install.sh $(TOLLGATE)

initramfs: guest-bench tools
	$(TOLLGATE) initramfs build/guest-bench --output build/initramfs.cpio.gz

run: kernels initramfs
	$(TOLLGATE) run $(EXPERIMENT) $(OR_FAILED_BOOT)

parse: tools
	$(TOLLGATE) parse $(RUN) $(OR_FAILED_BOOT)

process: tools
	$(TOLLGATE) process $(RUN)

plot: tools
	$(TOLLGATE) report $(RUN)

test: test-begin test-deps test-style test-docs test-units test-vmm test-report test-kernels \
      test-commands test-probes test-kvm test-end

# The last step lists what could not run, and why.
test-begin:
	./not-run.sh begin

test-end:
	./not-run.sh end

# What only tests need: a browser, and letters for it; a second opinion on system calls; the
# schedulers of a fleet.
test-deps:
	./deps.sh chromium fonts-dejavu-core strace
	./deps.sh slurmctld slurmd slurm-client munge parallel || echo "fleet's schedulers are not tested"

test-style: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	$(CARGO) clippy --quiet $(GUEST) -p guest-bench -p ring0 -- -D warnings
	$(CARGO) test --quiet -p tools --test architecture
	shellcheck deps.sh install.sh not-run.sh timed.sh vmm/test.sh tools/tunecpumax kernels/debian/*.sh kernels/linux/*.sh vmm/rig/*.sh usage/*.sh fleet/slurm/*
	codespell

test-docs: deps
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps

test-units: deps
	$(CARGO) test
	$(CARGO) test -p guest-bench -p ring0 --lib

# Tiny guests on this machine's own KVM, if it has one.
test-vmm: deps
	vmm/test.sh

# report.html in a real browser; target/tmp/report keeps the pictures.
test-report: test-deps
	$(CARGO) test --quiet -p eval --test report -- --ignored

test-kernels: kernels
	kernels/linux/test.sh
	RING0_IMAGE=$(CURDIR)/build/ring0 $(CARGO) test -p ring0 --test boot

# Real boots, real runs, and every wrong input.
test-commands: kernels unikraft-like initramfs trace-plugin
	$(CARGO) test --quiet $(STATIC) -p tools -- --ignored --skip ten_million_samples --skip on_kvm:: --skip on_debian::

# Added instructions of every kind, on Debian's cloud kernel.
test-probes: probe-bench tools
	kernels/debian/test.sh

# Every protocol and every end under genuine KVM, on an emulated AMD machine.
test-kvm: kernels unikraft-like initramfs
	vmm/rig/run.sh $(TOLLGATE) boot --engine kvm

# README's picture: the top of the report of $(RUN).
picture: test-deps
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --log-level=3 --window-size=1200,1300 \
		--screenshot=$(CURDIR)/docs/report.png file://$(abspath $(RUN))/report.html

# How long `process` takes for 10 million samples, and how much memory; needs 700 MB of disk.
bench-process: guest-bench
	$(CARGO) test $(STATIC) -p tools --test large -- --ignored --nocapture

# How long the kvm engine takes to start a guest, compared with QEMU.
bench-boot: deps
	vmm/rig/bench-boot.sh

# What exploring nginx costs, and keeping one run apart from the machine.
bench-usage: tools
	./deps.sh nginx-light curl
	usage/bench.sh $(TOLLGATE)

clean:
	rm -rf build target results/*/samples.csv

properclean: clean
	rm -rf results
