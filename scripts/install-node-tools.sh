#!/usr/bin/env bash
# Install the JavaScript reader of DICOM that tests read our objects back with, into build/node, where
# npm is there. Elsewhere those tests read with highdicom alone.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

package=dcmjs@0.52.2
[ -d build/node/node_modules/dcmjs ] && exit 0
command -v npm >/dev/null && command -v node >/dev/null || exit 0
mkdir -p build/node
npm install --prefix build/node --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
  --loglevel=error "$package" >/dev/null 2>&1 || echo "could not install $package; tests do without it"
exit 0
