//! The fuzz targets' seeds, and every input that once broke one.

use std::{fs, path::Path};

fn replay(folder: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/fuzz/seeds").join(folder);
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|seed| seed.unwrap().path()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        target(&fs::read(seed).unwrap());
    }
}

#[test]
fn seeds_of_paths_hold() {
    replay("path", crate::fuzzing::path);
}

#[test]
fn seeds_of_purges_hold() {
    replay("purge", crate::fuzzing::purge);
}
