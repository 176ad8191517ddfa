#!/bin/sh
# Starts the service within a FIRE chroot, as its host does: in the background, on port 9002, with
# what outlives a scan in the folder that is shared with the host.
#
#     start-streamrecon.sh [LOG]
export TMPDIR=/tmp/share
export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-/opt/streamrecon/kernels}"
export NUMBA_CPU_NAME="${NUMBA_CPU_NAME:-x86-64-v3}"
export NUMBA_CPU_FEATURES="${NUMBA_CPU_FEATURES:-+avx2,+fma}"
export STREAMRECON_HOST="${STREAMRECON_HOST:-0.0.0.0}"
export STREAMRECON_ALLOW="${STREAMRECON_ALLOW:-0.0.0.0/0}"
export STREAMRECON_PORT="${STREAMRECON_PORT:-9002}"
export STREAMRECON_STORAGE="${STREAMRECON_STORAGE:-/tmp/share/streamrecon}"
export STREAMRECON_DEFAULT_CHAIN="${STREAMRECON_DEFAULT_CHAIN:-gre_qsm}"
export STREAMRECON_PARAMETERS="${STREAMRECON_PARAMETERS:-console=fire}"
python3 -m streamrecon serve >"${1:-/dev/null}" 2>&1 &
