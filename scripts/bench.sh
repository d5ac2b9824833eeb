#!/usr/bin/env bash
# Measures stored pages beside other servers and writes bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
. scripts/lib.sh
. scripts/env.sh

heading "What is compared"
have wrk || apt_install "wrk: it makes the load" wrk
have nginx || apt_install "nginx: it is compared" nginx
have redis-server || apt_install "redis-server: servers share it" redis-server
[[ -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so ]] ||
    apt_install "nginx's module for Brotli files" libnginx-mod-http-brotli-static
for folder in next astro phone; do
    (cd "bench/$folder" && npm ci --no-audit --no-fund)
done

heading "Building"
(
    # Of its own, as in test.sh.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/start LEPTOS_OUTPUT_NAME=start
    cd examples/start
    cargo leptos build --release --split --precompress
)
cargo leptos build --release --split
# As cargo-leptos sets it: without it Leptos is compiled once more.
export LEPTOS_OUTPUT_NAME=newsroom
cargo build --release -p bench -p server
cargo build --release --locked --manifest-path bench/dioxus/Cargo.toml \
    --target-dir "${CARGO_TARGET_DIR:-target}/dioxus"

bench=${CARGO_TARGET_DIR:-target}/release/bench
results=$(mktemp)
trap 'rm -f "$results"' EXIT
measure() {
    heading "$*"
    "$bench" "$@" | tee -a "$results"
}
section() {
    printf '\n## %s\n\n`%s`\n\n' "$1" "$2" >>"$results"
}

printf '# Results\n\n%s. `make bench` writes this file; what is measured is in `README.md`.\n' \
    "$(date -u +%F)" >>"$results"
section "A stored page" "bench serve"
measure serve --plot bench/serve.svg
section "While pages are regenerated" "bench storm"
measure storm
section "Memory in a storm" "bench memory"
measure memory
section "Several servers" "bench replicas"
measure replicas
section "Looking on" "bench metrics"
measure metrics
section "Without a socket" "cargo bench -p bench"
heading "cargo bench"
{
    echo '```text'
    # Of both, as they are built: otherwise what is measured next is compiled anew.
    cargo bench -p bench -p server --bench hit -- --quiet --noplot --discard-baseline
    echo '```'
} | tee -a "$results"
section "Building pages" "bench build"
measure build
section "What the browser loads" "bench wasm"
measure wasm
section "On a phone" "bench phone"
measure phone
section "Many pages" "bench engine"
measure engine --pages "${BENCH_PAGES:-100000}"
printf '\n' >>"$results"
sed -n '/^# Attacks$/,$p' bench/RESULTS.md >>"$results"
cp "$results" bench/RESULTS.md
