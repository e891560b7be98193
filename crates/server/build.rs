//! Has cargo embed the console anew when it was built anew. The folder is made where it is missing: cargo takes
//! a path that does not exist for one that has changed, and would build this crate every time.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo:warning=cannot create {}: {error}", dist.display());
    }
    println!("cargo:rerun-if-changed={}", dist.display());
}
