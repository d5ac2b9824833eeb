#!/usr/bin/env bash
# Every check this repository has. Stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
. scripts/lib.sh
. scripts/env.sh

# The server half, said aloud: `leptos_isr` and `newsroom` are nearly empty without it.
server=(--workspace --features 'leptos_isr/ssr,leptos_isr/metrics,leptos_isr/object-store,leptos_isr/redis,leptos_isr/testing,newsroom/backend')
browser=(--no-default-features --target wasm32-unknown-unknown)

# As cargo-leptos builds for development: without it the types of views make linking slow.
# Only until the release build, which does without.
export RUSTFLAGS='--cfg erase_components' RUSTDOCFLAGS='--cfg erase_components'

heading "Formatting"
cargo fmt --all --check

heading "Licences, bans, sources"
cargo deny check licenses bans sources
# Known faults of dependencies are published on GitHub. Being offline is no failure.
GIT_TERMINAL_PROMPT=0 timeout 60 cargo deny fetch db >/dev/null 2>&1 ||
    say "advisories cannot be fetched from github.com/RustSec/advisory-db; those fetched before count, if any"
if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; then
    cargo deny --offline check advisories
fi

heading "Lints, server half"
cargo clippy "${server[@]}" --all-targets -- -D warnings

heading "Lints, browser half"
cargo clippy -p islands --features hydrate "${browser[@]}" -- -D warnings
cargo clippy -p leptos_isr "${browser[@]}" -- -D warnings

heading "Tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run "${server[@]}"
else
    # Leptos lists routes with resources switched off in the whole process: one test at a time.
    cargo test "${server[@]}" --all-targets -- --test-threads 1
fi

heading "Tests without TLS"
cargo test -p leptos_isr --no-default-features --features testing --test all without_tls

heading "Examples in the documentation"
# The models in loom's crate are the library's files: their examples are the library's.
cargo test --doc "${server[@]}" --exclude leptos_isr_loom

heading "Documentation"
RUSTDOCFLAGS="$RUSTDOCFLAGS -D warnings" cargo doc --no-deps "${server[@]}"

unset RUSTFLAGS RUSTDOCFLAGS

heading "The example \`start\`"
(
    # Of its own: Leptos is compiled with the name of the app, and the site's differs.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/start LEPTOS_OUTPUT_NAME=start
    cd examples/start
    cargo fmt --check
    cargo clippy --release --features ssr --all-targets -- -D warnings
    cargo clippy --profile wasm-release --target-dir "$CARGO_TARGET_DIR/front" --features hydrate "${browser[@]}" -- -D warnings
    cargo test --release --features ssr
    # Last: the program of before does not know the hashed names.
    cargo leptos build --release --split --precompress
    cd ../../end2end
    npx playwright test -c start
)

heading "Building the site and rendering its pages"
cargo leptos build --release --split

heading "Tests in the browser"
(cd end2end && npx playwright test)

heading "All passed"
