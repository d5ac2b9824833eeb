//! Leaves out the tests that the files of `leptos_isr` bring: they know no loom.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=isr_loom");
}
