#!/usr/bin/env bash
# Watches on Debian's cloud kernel, from the experiment to the report.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! kernels/debian/fetch.sh 6.12.117+deb12 6.12; then
    ./not-run.sh add 1 "test of watches" "apt does not offer Debian's cloud kernel 6.12"
    exit
fi
cargo test --quiet --release --target x86_64-unknown-linux-musl -p tools --test probes -- --ignored
