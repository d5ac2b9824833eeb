# shellcheck shell=bash
# The settings under which everything here is built. Sourced by the scripts; source it in bash
# (`. scripts/env.sh`) to call cargo and cargo-leptos by hand with the same tools.
# It only looks: nothing is installed or changed.

# cargo-leptos 0.3.11 does not build with an older compiler; the crates themselves need 1.94.
RUST_NEEDED=1.96.0

# shellcheck disable=SC2034 # setup.sh uses it
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/leptos_isr
export PATH="$TOOLS/bin:$TOOLS/npm/node_modules/.bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# Whether `rustc` is new enough and has a standard library for wasm that it can read. A library
# left by an older compiler is there but unreadable, so the question is put to the compiler.
rust_is_ready() {
    local version scratch ready=1
    # Asking must not make rustup download the toolchain asked for.
    local -x RUSTUP_AUTO_INSTALL=0
    version=$(rustc -V 2>/dev/null | cut -d ' ' -f 2)
    [[ -n $version && $(printf '%s\n' "$RUST_NEEDED" "$version" | sort -V | head -n 1) == "$RUST_NEEDED" ]] || return 1
    scratch=$(mktemp -d)
    rustc --target wasm32-unknown-unknown --crate-type lib --crate-name probe --emit metadata \
        --out-dir "$scratch" - </dev/null >/dev/null 2>&1 && ready=0
    rm -rf "$scratch"
    return "$ready"
}

# One compiler for both halves: the user's own if it will do, else one that setup.sh added beside
# it, else the distribution's. rustup takes a folder for a toolchain name.
choose_rust() {
    local candidate
    rust_is_ready && return
    for candidate in "$RUST_NEEDED" /usr; do
        if RUSTUP_TOOLCHAIN=$candidate rust_is_ready; then
            export RUSTUP_TOOLCHAIN=$candidate
            return
        fi
    done
    return 1
}
choose_rust || true

# Where the first of these is that starts: Ubuntu's may be stubs that only point to a snap.
first_that_runs() {
    local program
    for program in "$@"; do
        "$program" --version >/dev/null 2>&1 && command -v "$program" && return
    done
    return 1
}

# Playwright uses its own browser when this stays unset.
: "${CHROMIUM_PATH:=$(first_that_runs chromium google-chrome chromium-browser || true)}"
# A second browser for the tests, which do without where there is none.
: "${FIREFOX_PATH:=$(first_that_runs firefox-esr firefox || true)}"
export CHROMIUM_PATH FIREFOX_PATH
