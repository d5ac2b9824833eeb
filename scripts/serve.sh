#!/usr/bin/env bash
# Installs what is missing, builds the site, renders its pages, serves it.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
. scripts/lib.sh
. scripts/env.sh

heading "Building the site and rendering its pages"
# Not `cargo leptos serve`: it reports success when the build fails.
cargo leptos build --release --split

heading "Serving"
exec scripts/run-server.sh
