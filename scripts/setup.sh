#!/usr/bin/env bash
# Installs what is missing: for building the site (`setup.sh`), and for testing it as well
# (`setup.sh test`). What is already there is left alone, so a second run only looks.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
. "$scripts/lib.sh"
. "$scripts/env.sh"
. "$scripts/rust.sh"

CARGO_LEPTOS_VERSION=0.3.11
NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
BINARYEN_VERSION=132.0.0

# The tools are programs of a few seconds' work: building them quickly matters more than their
# speed. cargo-leptos takes a quarter of an hour on two cores this way and an hour with optimisation.
cargo_install() {
    CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=0 \
        env -u CARGO_TARGET_DIR cargo install "$@"
}

install_c_compiler() {
    if have cc && have make; then
        return
    fi
    apt_install "a C compiler: SQLite is compiled from source" build-essential
}

install_node() {
    if ! have node || ! have npm; then
        apt_install "Node.js: it runs wasm-opt and the browser tests" nodejs npm
    fi
    version_at_least 20 "$(version_in "$(node --version)")" || die "Node.js 20 or newer is needed, this is $(node --version).
Install a current one (https://nodejs.org/en/download, or a version manager) so that \`node\` finds it, and start again."
}

install_cargo_leptos() {
    version_at_least "$CARGO_LEPTOS_VERSION" "$(version_in "$(cargo leptos --version 2>/dev/null)")" && return
    say "building cargo-leptos $CARGO_LEPTOS_VERSION (it builds both halves of the site; a quarter of an hour on two cores, once)"
    cargo_install cargo-leptos --version "$CARGO_LEPTOS_VERSION" --locked
}

# Its version must be exactly that of the crate; another one is of no use to this project and may
# be of use to another, so ours goes to a folder of our own.
install_wasm_bindgen() {
    local wanted
    wanted=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3; exit }' "$ROOT/Cargo.lock")
    [[ -n $wanted ]] || die "Cargo.lock names no wasm-bindgen"
    [[ $(version_in "$(wasm-bindgen --version 2>/dev/null)") == "$wanted" ]] && return
    say "building wasm-bindgen $wanted (it writes the JavaScript around the wasm; about five minutes, once)"
    # Not --locked: its lock file may name releases that were withdrawn since.
    cargo_install wasm-bindgen-cli --version "$wanted" --root "$TOOLS" --force
}

# Releases before 116 do not know what today's compiler emits.
install_wasm_opt() {
    version_at_least 116 "$(version_in "$(wasm-opt --version 2>/dev/null)")" && return
    say "installing wasm-opt from the npm package binaryen $BINARYEN_VERSION (it shrinks the wasm)"
    npm install --prefix "$TOOLS/npm" --no-audit --no-fund "binaryen@$BINARYEN_VERSION"
}

# scripts/test.sh runs `cargo test` where this is missing, so a failure here is no failure.
install_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return
    say "building cargo-nextest $NEXTEST_VERSION (it runs the tests in parallel; a few minutes, once)"
    cargo_install cargo-nextest --version "$NEXTEST_VERSION" --locked ||
        say "cargo-nextest could not be built; the tests will run under \`cargo test\`"
}

install_cargo_deny() {
    version_at_least "$DENY_VERSION" "$(version_in "$(cargo deny --version 2>/dev/null)")" && return
    say "building cargo-deny $DENY_VERSION (it checks licences and sources of dependencies; a minute or two, once)"
    cargo_install cargo-deny --version "$DENY_VERSION" --locked
}

# The examples' headings are commands, which the tests give to a shell.
install_shell_tools() {
    if have curl && have openssl; then
        return
    fi
    apt_install "curl and openssl: the tests run the commands in the examples' headings" curl openssl
}

# On other systems the tests say that they did without, and fail where CI is true.
install_caches() {
    local vmod
    if (PATH=$PATH:/usr/sbin && have nginx && have varnishd) &&
        vmod=$(compgen -G '/usr/lib/*/varnish/vmods/libvmod_xkey.so') && [[ -n $vmod ]]; then
        return
    fi
    if have apt-get; then
        apt_install "nginx and Varnish: the tests put them in front of the engine" nginx varnish varnish-modules
    else
        say "nginx or Varnish with its module xkey is missing, so the engine is not tested behind them"
    fi
}

install_redis() {
    have redis-server && return
    if have apt-get; then
        apt_install "Redis: the tests have servers share one" redis-server
    else
        say "redis-server is missing, so servers that share a Redis are not tested"
    fi
}

install_promtool() {
    have promtool && return
    if have apt-get; then
        apt_install "promtool: the tests check metrics and alert rules with it" prometheus
    else
        say "promtool is missing, so metrics and alert rules are not checked with it"
    fi
}

install_browser_tests() {
    if [[ ! -e $ROOT/end2end/node_modules/.package-lock.json ||
        $ROOT/end2end/package-lock.json -nt $ROOT/end2end/node_modules/.package-lock.json ]]; then
        say "installing Playwright from npm (it drives the browser in the tests)"
        (cd "$ROOT/end2end" && npm ci --no-audit --no-fund)
        touch "$ROOT/end2end/node_modules/.package-lock.json"
    fi
    install_browser
}

install_browser() {
    [[ -n ${CHROMIUM_PATH:-} ]] && return
    (cd "$ROOT/end2end" && node -e '
        const { chromium } = require("@playwright/test");
        process.exit(require("fs").existsSync(chromium.executablePath()) ? 0 : 1)') && return
    # Ubuntu's package of this name is a pointer to a snap, which a container cannot run.
    if [[ $(. /etc/os-release 2>/dev/null && echo "${ID:-}") == debian ]]; then
        apt_install "a browser for the tests" chromium
    else
        say "downloading Playwright's Chromium (the browser of the tests)"
        (cd "$ROOT/end2end" && npx playwright install --with-deps chromium)
    fi
}

install_second_browser() {
    [[ -n ${FIREFOX_PATH:-} ]] && return
    if [[ $(. /etc/os-release 2>/dev/null && echo "${ID:-}") == debian ]]; then
        apt_install "a second browser for the tests" firefox-esr
    else
        say "Firefox is missing, so the site is tested in Chromium only"
    fi
}

for what in "$@"; do
    [[ $what == test ]] || die "usage: scripts/setup.sh [test]"
done
heading "Set-up"
install_c_compiler
install_node
install_rust
say "$(rustc -V)${RUSTUP_TOOLCHAIN:+ (toolchain $RUSTUP_TOOLCHAIN)}"
install_cargo_leptos
install_wasm_bindgen
install_wasm_opt
if [[ ${1:-} == test ]]; then
    install_rust_checkers
    install_nextest
    install_cargo_deny
    install_shell_tools
    install_caches
    install_redis
    install_promtool
    install_browser_tests
    install_second_browser
fi
say "everything is there"
