//! Makes `POLICY_BUILD`, the digest of the crate's own sources
//!
//! A browser shows by it that it decides by the same code as the server. It depends on what stands in `src` and
//! on nothing else: not on target, profile or the place of the checkout.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    list(Path::new("src"), "", &mut files)?;
    // By name: every file system has an order of its own.
    files.sort();
    let mut digest = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), &content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=POLICY_BUILD={hex}");
    println!("cargo::rerun-if-changed=src");
    Ok(())
}

/// Adds every file of `folder` with its path below `src`, in slashes
fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
