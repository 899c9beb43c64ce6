#!/bin/bash
# Times our start-up against QEMU's on this machine's /dev/kvm. Usage: vmm/rig/bench-boot.sh
# [TURNS]
#
# As root, it runs before all other work (SCHED_FIFO), so that a busy machine disturbs fewer of
# its samples.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly musl=x86_64-unknown-linux-musl
readonly programs=${CARGO_TARGET_DIR:-target}/$musl/release
readonly guests=build/rig/tiny

cargo build --quiet --release --package vmm --target "$musl" \
    --example tiny_guests --example bench_boot
cargo build --quiet --release --package tools --target "$musl"
mkdir -p "$guests"
"$programs/examples/tiny_guests" "$guests"
first=()
if chrt -f 1 true 2> /dev/null; then
    first=(chrt -f 1)
fi
"${first[@]}" "$programs/examples/bench_boot" "$programs/tollgate" "$guests/say-0" "$guests/firmware" "${1:-100}"
