//! Real exports outside the repository: used when present, skipped with a clear line when not.

use std::path::PathBuf;

/// The folder of real exports beside the repository, if it is there.
pub fn corpus() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/corpus");
    if folder.join("manifest.jsonl").is_file() {
        return Some(folder);
    }
    None
}

/// The published description of Graph beside the repository, if it is there.
pub fn contract() -> Option<PathBuf> {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/graph-contract.json");
    file.is_file().then_some(file)
}

/// Says on standard error that a test was skipped, in the form CI counts.
pub fn skipped(test: &str) {
    eprintln!("skipped: {test}: the folder of real exports (../shared/data) is not here");
}
