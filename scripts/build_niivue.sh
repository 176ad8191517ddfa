#!/usr/bin/env bash
# Build the viewer of the console page from npm's packages: node and npm are needed here, and nowhere
# else. What it writes is committed, so that neither `pip install` nor `make demo` needs them.
#
#   scripts/build_niivue.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# the browsers of hospitals in 2021
target=chrome90,firefox91
page=$PWD/streamrecon/web/page
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

cp packaging/niivue/* "$build"
cd "$build"
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts
source=node_modules/@niivue/niivue/src
version=$(node -p 'require("@niivue/niivue/package.json").version' 2>/dev/null ||
  node -p 'JSON.parse(require("fs").readFileSync("node_modules/@niivue/niivue/package.json")).version')

npx esbuild entry.js --bundle --format=esm --minify --target="$target" --log-level=warning \
  --alias:zarrita=./without.js "--alias:@=./$source" \
  --loader:.png=file --loader:.jpg=empty --asset-names=niivue-font --public-path=/static \
  --legal-comments=none --metafile=meta.json --outfile=out/niivue.js \
  "--banner:js=/* NiiVue $version, BSD-2-Clause, and what it needs: niivue.txt. Target $target. */"

# its syntax and that of our own scripts, told by the parser of the build
for file in out/niivue.js "$page"/*.js; do
  npx esbuild "$file" --target="$target" --log-level=warning --outfile=/dev/null
done

node licences.js >out/niivue.txt
cp out/niivue.js out/niivue.txt out/niivue-font.png "$page"
wc -c out/*
gzip -9 -c out/niivue.js | wc -c
