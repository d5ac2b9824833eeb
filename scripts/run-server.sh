#!/usr/bin/env bash
# Runs the server that `cargo leptos build --release --split` built; arguments are passed on to it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/env.sh

target=$(cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
server=$target/release/server
[[ -x $server ]] || die "there is no $server; build it first: make serve"

[[ $# -gt 0 ]] || say "serving http://${LEPTOS_SITE_ADDR:-127.0.0.1:3000} (Ctrl-C stops)"
exec "$server" "$@"
