//! Programs of this repository.

use std::{
    env,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Builds what `targets` say, and returns the file of the one that is called `name`. What is selected is
/// what `scripts/test.sh` tests, so after that nothing is compiled here.
pub(crate) fn built(name: &str, targets: &[&str]) -> String {
    let features = "leptos_isr/ssr,leptos_isr/metrics,leptos_isr/object-store,leptos_isr/redis,leptos_isr/testing,newsroom/backend";
    let mut command = Command::new(env!("CARGO"));
    // What cargo says to a test of its package makes `ring` be compiled anew, and all that uses it.
    let of_this_package = |name: &String| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
    };
    for name in env::vars().map(|(name, _)| name).filter(of_this_package) {
        command.env_remove(name);
    }
    let output = command
        .args(["build", "--workspace", "--features", features])
        .args(targets)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "`{name}` does not build");
    let messages = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let built = messages.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    let mut files = built.filter(|built| built["target"]["name"] == name);
    let file = files.find_map(|built| built["executable"].as_str().map(str::to_owned));
    file.unwrap_or_else(|| panic!("cargo built no `{name}`"))
}
