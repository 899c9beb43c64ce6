#!/bin/sh
# What exploring nginx costs: its time with one and two replicas, the supervisor's memory, what
# keeping a run apart costs, and the same one by one with a fixed limit, as Loupe does it.
# Usage: usage/bench.sh TOLLGATE
set -eu
tollgate=$(realpath "$1")
recipe=$(dirname "$(realpath "$0")")/recipes/nginx
for program in nginx curl; do
    command -v $program >/dev/null || { echo "bench-usage: $program is missing (apt-get install nginx-light curl)" >&2; exit 69; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() { cut -d ' ' -f 1 /proc/uptime; }

# The result in $work/NAME.json, and a line.
explore() {
    name=$1
    shift
    began=$(seconds)
    "$tollgate" usage explore --output "$work/$name.json" "$@" >"$work/out" 2>"$work/err" &
    pid=$!
    peak=0
    while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
        peak=$now
        sleep 0.05
    done
    wait "$pid" || { cat "$work/err" >&2; exit 1; }
    ended=$(seconds)
    runs=$(grep -c '"purpose"' "$work/$name.json")
    time=$(echo "$ended $began" | awk '{ printf "%.1f", $1 - $2 }')
    last="$time $runs"
    printf '%-46s %7s s %5s runs %6s MB\n' "$name" "$time" "$runs" "$((peak / 1024))"
}

nginx() {
    name=$1
    shift
    cd "$recipe"
    explore "$name" -t ./test --ready tcp:8080 "$@" -- nginx -p . -c nginx.conf
}

echo "$(nproc) CPUs, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
nginx 'nginx, one replica' --replicas 1
nginx 'nginx, two replicas' --replicas 2
nginx 'nginx, one by one with a fixed limit of 3 s' --replicas 1 --jobs 1 --timeout 3

cd "$work"
explore 'true, one by one' --replicas 1 --jobs 1 -- true
began=$(seconds)
for _ in $(seq 100); do env true; done
ended=$(seconds)
# shellcheck disable=SC2086 # two numbers
echo $last "$ended" "$began" | awk '{ printf "keeping a run apart: at most %.1f ms (a run of true, less its start without isolation)\n",
    1000 * $1 / $2 - 10 * ($3 - $4) }'
