#!/usr/bin/env bash
# Installs the wheel into a new environment of one Python and runs a scan through what it installed:
#
#     scripts/smoke.sh [PYTHON]
#
# Nothing of the checkout is on the path; everything is made in a temporary folder and removed.
set -euo pipefail
python=$(command -v "${1:-python3}")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
server=
ended() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap ended EXIT

"$python" -m venv "$work/env"
# A copy, because a build leaves folders in what it builds.
mkdir "$work/source"
(cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$work/source")
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  -c "$root/constraints.txt" "$work/source"

cd "$work"
export PATH="$work/env/bin:$PATH" XDG_STATE_HOME="$work/state"
unset PYTHONPATH
python --version
streamrecon --version
streamrecon check gre_full >checked.txt
streamrecon gadgets >gadgets.txt
streamrecon-simulate write tiny -o tiny.h5
streamrecon replay tiny.h5 --config gre_qsm --set quality=fast --format nifti,dicom -o replayed
touch served.txt
streamrecon serve --port 0 --warm-workers 1 >served.txt &
server=$!
for _ in $(seq 600); do # a first start compiles; a minute at most
  grep -q listening served.txt && break
  kill -0 "$server"
  sleep 0.1
done
address=$(grep -o '127\.0\.0\.1:[0-9]*' served.txt)
streamrecon send tiny.h5 --to "$address" --config gre_recon --format nifti -o sent
kill "$server"
wait "$server"
server=
ls sent/*_part-phase_MEGRE.nii.gz replayed/tiny/*_Chimap.nii.gz >/dev/null
echo "smoke: $(python --version) passed"
