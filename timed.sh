#!/usr/bin/env bash
# The shell of the Makefile's steps: ./timed.sh STEP RECIPE. Prints how long a step took, unless
# it was less than a second.
set -uo pipefail

bash -euo pipefail -c "$2"
status=$?
if [ "$SECONDS" -gt 0 ]; then
    echo "$1 took $SECONDS s"
fi
exit "$status"
