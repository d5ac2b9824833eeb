# shellcheck shell=bash
# Sourced by setup.sh: a Rust compiler with the standard library for wasm. Each way is tried only
# if the one before it did not do; the user's own toolchains are never updated or replaced.

install_rust() {
    if choose_rust; then
        return
    elif have rustup && { add_target || add_toolchain; }; then
        return
    elif apt_offers_rust; then
        install_distribution_rust
    else
        die "Rust $RUST_NEEDED or newer with the target wasm32-unknown-unknown is missing.
Install rustup as https://www.rust-lang.org/tools/install describes, run
    rustup update stable && rustup target add wasm32-unknown-unknown
and start again."
    fi
}

# The ordinary way.
add_target() {
    version_at_least "$RUST_NEEDED" "$(version_in "$(rustc -V 2>/dev/null)")" || return 1
    say "adding the target wasm32-unknown-unknown with rustup (the browser half is compiled to it)"
    rustup target add wasm32-unknown-unknown && choose_rust
}

# The installed compiler is too old: add a second one and leave the first as it is.
add_toolchain() {
    say "adding the toolchain $RUST_NEEDED with rustup (cargo-leptos needs it; the default stays as it is)"
    rustup toolchain install "$RUST_NEEDED" --profile minimal --no-self-update \
        --component clippy --component rustfmt --target wasm32-unknown-unknown && choose_rust
}

# Debian backports a recent compiler for its browsers as `rustc-web`.
apt_offers_rust() {
    have apt-cache || return 1
    if [[ -z ${APT_UPDATED:-} ]]; then
        as_root apt-get update -qq
        APT_UPDATED=1
    fi
    local candidate
    candidate=$(apt-cache policy rustc-web | awk '/Candidate:/ { print $2 }')
    [[ $candidate == [0-9]* ]] && version_at_least "$RUST_NEEDED" "$candidate"
}

install_distribution_rust() {
    say "rustup cannot supply a compiler here, so the distribution's is used"
    apt_install "Rust $RUST_NEEDED with the source of its standard library" \
        rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web
    local llvm
    llvm=$(/usr/bin/rustc -vV | awk '/^LLVM version:/ { split($3, part, "."); print part[1] }')
    [[ -e /usr/bin/rust-lld ]] || apt_install "the linker for wasm" "lld-$llvm"
    build_wasm_library
    choose_rust || die "the standard library for wasm was built, but the compiler does not read it"
}

# The packages bring no standard library for wasm32-unknown-unknown, only its source.
build_wasm_library() {
    say "building the standard library for wasm from the distribution's source (about a minute)"
    local source scratch libdir
    source=$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library
    libdir=$(/usr/bin/rustc --print target-libdir --target wasm32-unknown-unknown)
    [[ -d $source ]] || die "the standard library's source is not at $source"
    scratch=$(mktemp -d)
    cp -rL "$source" "$scratch/library"
    # The library may only be compiled with the settings the compiler's own build gives it.
    env -u RUSTUP_TOOLCHAIN RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        __CARGO_DEFAULT_LIB_METADATA=stablestd RUSTFLAGS=-Zforce-unstable-if-unmarked \
        CARGO_TARGET_DIR="$scratch/target" \
        /usr/bin/cargo build --release --target wasm32-unknown-unknown \
        --manifest-path "$scratch/library/sysroot/Cargo.toml" \
        --features panic-unwind,compiler-builtins-mem
    # What an older compiler left there would be found first.
    as_root rm -rf "$libdir"
    as_root mkdir -p "$libdir"
    as_root cp "$scratch"/target/wasm32-unknown-unknown/release/deps/*.rlib "$libdir/"
    as_root chmod -R a+rX "$libdir"
    rm -rf "$scratch"
}

# clippy and rustfmt, for the tests.
install_rust_checkers() {
    cargo clippy -V >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 && return
    if have rustup && rustup component add clippy rustfmt; then
        return
    fi
    apt_install "clippy and rustfmt" rust-web-clippy rustfmt-web
}
