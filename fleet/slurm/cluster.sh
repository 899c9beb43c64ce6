#!/usr/bin/env bash
# A Slurm cluster of four virtual nodes on this machine, for tests:
#
#   fleet/slurm/cluster.sh COMMAND WORD...
#
# starts munged, slurmctld and four slurmd with a configuration of their own in a temporary
# folder, runs the command with SLURM_CONF set, and stops what it has started. Needs root, and
# Debian's slurmctld, slurmd, slurm-client and munge.
set -euo pipefail

readonly nodes=4 ports=17600

main() {
    [ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
    folder=$(mktemp -d)
    chmod 755 "$folder"
    started=()
    trap stop EXIT
    configure
    start munged --foreground --force --num-threads=2 --key-file="$folder/key" \
        --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
    wait_for "munged" test -S "$folder/munge.socket"
    export SLURM_CONF="$folder/slurm.conf"
    start slurmctld -D -f "$SLURM_CONF"
    for node in $(seq "$nodes"); do
        start slurmd -D -f "$SLURM_CONF" -N "n$node"
        echo "${started[-1]}" > "$folder/n$node.process"
    done
    wait_for "four idle nodes" idle
    export TOLLGATE_CLUSTER="$folder"
    "$@"
}

configure() {
    head -c 1024 /dev/urandom > "$folder/key"
    chmod 400 "$folder/key"
    local host
    host=$(hostname -s)
    cat > "$folder/slurm.conf" <<CONF
ClusterName=tollgate
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$((ports + 90))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
SlurmdTimeout=10
SelectType=select/cons_tres
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((ports + 1))-$((ports + nodes))] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    mkdir "$folder/state"
    local node
    for node in $(seq "$nodes"); do
        mkdir "$folder/spool-n$node"
    done
}

start() {
    "$@" > "$folder/$(basename "$1").out" 2>&1 &
    started+=("$!")
}

idle() {
    [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" = "$nodes" ]
}

wait_for() {
    local what=$1
    shift
    for _ in $(seq 300); do
        if "$@"; then
            return
        fi
        sleep 0.1
    done
    echo "no $what within 30 s; the end of the logs:" >&2
    tail -n 5 "$folder"/*.log "$folder"/*.out >&2 || true
    exit 1
}

stop() {
    local at
    for ((at = ${#started[@]} - 1; at >= 0; at--)); do
        kill "${started[at]}" 2>/dev/null || true
    done
    wait "${started[@]}" 2>/dev/null || true
    rm -rf "$folder"
}

main "$@"
