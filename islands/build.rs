//! How the browser's half is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // wasm-ld keeps one copy of equal texts unless it is told not to. With `--split` several files
    // need one copy then, each gets one, and where these do not fit where the one was, cargo-leptos
    // leaves the texts of all files in the main one.
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-O0");
    }
}
