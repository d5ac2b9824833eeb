#!/usr/bin/env bash
# Checks that the library builds with the lowest version of each crate that it names, as its manifest
# promises. Not part of the tests: it needs the registry, for versions that nobody builds with.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/env.sh

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/minimal-versions
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r leptos_isr docs "$scratch"
sed 's/^members = .*/members = ["leptos_isr"]/' Cargo.toml >"$scratch/Cargo.toml"
cd "$scratch"

heading "Lowest versions"
# The variable lets a stable cargo take a flag of nightly ones.
RUSTC_BOOTSTRAP=1 cargo update -Z direct-minimal-versions

heading "The server's half"
cargo check -p leptos_isr --all-targets --features metrics,object-store,redis,testing

heading "The browser's half"
cargo check -p leptos_isr --features hydrate --target wasm32-unknown-unknown

heading "All passed"
