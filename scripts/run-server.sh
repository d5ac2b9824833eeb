#!/usr/bin/env bash
# Runs the server that `cargo leptos build --release` built, with its settings in the root
# Cargo.toml under workspace.metadata.leptos. LEPTOS_SITE_ADDR chooses another address.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/env.sh

target=$(cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
server=$target/release/server
[[ -x $server ]] || die "there is no $server; build it first: make serve"

export LEPTOS_OUTPUT_NAME=newsroom LEPTOS_SITE_ROOT=target/site LEPTOS_HASH_FILES=true
export LEPTOS_SITE_ADDR=${LEPTOS_SITE_ADDR:-127.0.0.1:3000}
say "serving http://$LEPTOS_SITE_ADDR (Ctrl-C stops)"
exec "$server" "$@"
