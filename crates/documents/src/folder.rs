//! Files in a folder of this machine, or one that several machines share

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::StoragePath;

/// Where files are written before they have their place; no path of ours begins with a point
const INCOMING: &str = ".incoming";
/// What lies there longer was left by a process that was killed.
const INCOMING_AGE_MAX: Duration = Duration::from_secs(86_400);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A new file, readable by us alone, that goes when it is dropped
    pub(crate) fn spool(&self) -> io::Result<NamedTempFile> {
        let incoming = self.root.join(INCOMING);
        make(&incoming)?;
        forget_left(&incoming);
        NamedTempFile::new_in(incoming)
    }

    /// Moves a file that is on disk already to its place, where nothing lies yet
    pub(crate) fn keep(&self, file: NamedTempFile, path: &StoragePath) -> io::Result<()> {
        let target = self.root.join(path.as_str());
        let folder = target.parent().unwrap_or(&self.root);
        make(folder)?;
        file.persist_noclobber(&target).map_err(|error| error.error)?;
        // A name is safe once its folder is on disk, and so is a folder's.
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, path: &StoragePath) -> io::Result<()> {
        let target = self.root.join(path.as_str());
        match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Folders go with their last file; one that is not empty stays by itself.
        for folder in target.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn files(&self) -> io::Result<Vec<(StoragePath, SystemTime)>> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                // Folders go with their last file, and there may be none yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                    continue;
                }
                let relative = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
                // What lies in `.incoming` is no path of ours.
                if let Some(relative) = relative.and_then(StoragePath::parse) {
                    files.push((relative, entry.metadata()?.modified()?));
                }
            }
        }
        Ok(files)
    }

    pub(crate) fn open(&self, path: &StoragePath) -> io::Result<Option<(u64, File)>> {
        match File::open(self.root.join(path.as_str())) {
            Ok(file) => Ok(Some((file.metadata()?.len(), file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn forget_left(incoming: &Path) {
    let Some(limit) = SystemTime::now().checked_sub(INCOMING_AGE_MAX) else {
        return;
    };
    for entry in fs::read_dir(incoming).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        if written.is_ok_and(|written| written < limit) {
            // Somebody else may be quicker.
            let _ = fs::remove_file(entry.path());
        }
    }
}
