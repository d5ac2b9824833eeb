#!/usr/bin/env bash
# Serves the example `start` as `cargo leptos build --release --split` left it, from the folder SCRATCH: that is
# emptied and laid out as an image of it would be.
set -euo pipefail
example=$(cd "$(dirname "$0")/../../examples/start" && pwd)
start=${CARGO_TARGET_DIR:-$example/target}/release/start
rm -rf "$SCRATCH"
mkdir -p "$SCRATCH/target"
cd "$SCRATCH"
cp -r "$example/content" .
cp -r "$example/target/site" target
"$start" prerender >prerender.log 2>&1 || {
    cat prerender.log >&2
    exit 1
}
exec "$start"
