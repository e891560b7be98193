//! Where the documents of cases lie: in a folder, or in a bucket that speaks S3.
//!
//! A file that comes in is received under a temporary name, hashed and looked at ([`Documents::receive`]), and gets its
//! place ([`Documents::keep`]) before the row that names it is committed: a row without its file does not come about, a file
//! without a row may, where a process is killed in between. Places are chosen by the caller and never used twice, so that
//! no file is ever written over another.

mod bucket;
mod folder;
mod kind;
mod name;

use std::fmt::Display;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

pub use bucket::{Bucket, BucketError};
pub use kind::{ContentError, MediaKind};
pub use name::{FileName, NameError, StoragePath};

use folder::Folder;

/// The largest file that is taken where nothing else is said: 25 MB
pub const BYTES_MAX: u64 = 25 << 20;

/// Where documents lie; clones are the same place
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    place: Arc<Place>,
    bytes_max: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

/// Pieces of a file
pub type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A file that has come in and has no place yet; dropped, it is gone
#[derive(Debug)]
pub struct Received {
    file: NamedTempFile,
    pub kind: MediaKind,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
}

/// Why a file is not taken
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is larger than {} MB", bytes_max >> 20)]
    TooLarge { bytes_max: u64 },
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the file did not arrive whole: {0}")]
    Broken(String),
    #[error("the file cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// To look at a file takes all of it into memory: so many at once.
static LOOKS: Semaphore = Semaphore::const_new(4);

/// How a file stands to what is noted of it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    Missing,
    /// It holds something else than what was uploaded.
    Differs,
}

impl Documents {
    /// In a folder, which is made when something first comes in; files of at most `bytes_max` are taken
    pub fn in_folder(folder: impl Into<PathBuf>, bytes_max: u64) -> Self {
        Self { place: Arc::new(Place::Folder(Folder::new(folder.into()))), bytes_max }
    }

    /// In a bucket; files of at most `bytes_max` are taken
    pub fn in_bucket(bucket: Bucket, bytes_max: u64) -> Self {
        Self { place: Arc::new(Place::Bucket(Box::new(bucket))), bytes_max }
    }

    /// The largest file that is taken
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The place, for people
    pub fn place(&self) -> String {
        match &*self.place {
            Place::Folder(folder) => folder.root().display().to_string(),
            Place::Bucket(bucket) => bucket.to_string(),
        }
    }

    /// Receives a file under a temporary name, and refuses it where it is empty, too large, or not what its name says
    pub async fn receive<E: Display>(
        &self,
        name: &FileName,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received, ReceiveError> {
        let place = Arc::clone(&self.place);
        let file = blocking(move || match &*place {
            Place::Folder(folder) => folder.spool(),
            Place::Bucket(_) => NamedTempFile::with_prefix("dragonfly-"),
        })
        .await?;
        let mut writer = tokio::fs::File::from_std(file.reopen()?);
        let mut digest = Sha256::new();
        let mut size_bytes = 0;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| ReceiveError::Broken(error.to_string()))?;
            size_bytes += piece.len() as u64;
            if size_bytes > self.bytes_max {
                return Err(ReceiveError::TooLarge { bytes_max: self.bytes_max });
            }
            digest.update(&piece);
            writer.write_all(&piece).await?;
        }
        if size_bytes == 0 {
            return Err(ReceiveError::Empty);
        }
        writer.sync_all().await?;
        let sha256 = digest.finalize().into();
        let name = name.clone();
        let _place = LOOKS.acquire().await.map_err(io::Error::other)?;
        let looked_at = blocking(move || {
            let mut content = Vec::new();
            file.reopen()?.read_to_end(&mut content)?;
            Ok(MediaKind::of(&name, &content).map(|kind| Received { file, kind, size_bytes, sha256 }))
        });
        Ok(looked_at.await??)
    }

    /// Gives a received file its place, for good once this answers
    pub async fn keep(&self, received: Received, path: &StoragePath) -> io::Result<()> {
        let (place, path) = (Arc::clone(&self.place), path.clone());
        blocking(move || match &*place {
            Place::Folder(folder) => folder.keep(received.file, &path),
            Place::Bucket(bucket) => {
                let mut file = received.file.into_file();
                file.rewind()?;
                bucket
                    .put(&path, file, received.size_bytes, received.kind.media_type())
                    .map_err(io::Error::other)
            }
        })
        .await
    }

    /// Writes a file that somebody vouches for, such as a backup, to its place; nothing happens where it is there already
    pub async fn restore(&self, file: PathBuf, path: &StoragePath) -> io::Result<()> {
        let (place, path) = (Arc::clone(&self.place), path.clone());
        blocking(move || {
            let mut source = std::fs::File::open(file)?;
            match &*place {
                Place::Folder(folder) => {
                    let mut spool = folder.spool()?;
                    io::copy(&mut source, &mut spool)?;
                    spool.as_file().sync_all()?;
                    match folder.keep(spool, &path) {
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                        kept => kept,
                    }
                }
                Place::Bucket(bucket) => {
                    let size_bytes = source.metadata()?.len();
                    bucket
                        .put(&path, source, size_bytes, "application/octet-stream")
                        .map_err(io::Error::other)
                }
            }
        })
        .await
    }

    /// Takes back what [`keep`](Self::keep) has done; a file that is not there is gone
    pub async fn remove(&self, path: &StoragePath) -> io::Result<()> {
        let (place, path) = (Arc::clone(&self.place), path.clone());
        blocking(move || match &*place {
            Place::Folder(folder) => folder.remove(&path),
            Place::Bucket(bucket) => bucket.remove(&path).map_err(io::Error::other),
        })
        .await
    }

    /// The size in bytes and the pieces of a file; None where there is none
    pub async fn open(&self, path: &StoragePath) -> io::Result<Option<(u64, Pieces)>> {
        let (place, path) = (Arc::clone(&self.place), path.clone());
        let opened = blocking(move || match &*place {
            Place::Folder(folder) => {
                Ok(folder.open(&path)?.map(|(size, file)| (size, Box::new(file) as Reader)))
            }
            Place::Bucket(bucket) => bucket.get(&path).map_err(io::Error::other),
        });
        Ok(opened.await?.map(|(size, reader)| (size, pieces(reader))))
    }

    /// Every file in the folder, with when it was written; none where documents lie in a bucket, which is not searched
    pub async fn files(&self) -> io::Result<Vec<(StoragePath, SystemTime)>> {
        let place = Arc::clone(&self.place);
        blocking(move || match &*place {
            Place::Folder(folder) => folder.files(),
            Place::Bucket(_) => Ok(Vec::new()),
        })
        .await
    }

    /// Reads a whole file and compares it with what is noted of it
    pub async fn check(&self, path: &StoragePath, size_bytes: u64, sha256: &[u8]) -> io::Result<Verdict> {
        let Some((size, mut pieces)) = self.open(path).await? else {
            return Ok(Verdict::Missing);
        };
        if size != size_bytes {
            return Ok(Verdict::Differs);
        }
        let mut digest = Sha256::new();
        while let Some(piece) = pieces.next().await {
            digest.update(&piece?);
        }
        Ok(if digest.finalize().as_slice() == sha256 { Verdict::Fine } else { Verdict::Differs })
    }
}

type Reader = Box<dyn Read + Send>;

const PIECE_BYTES: usize = 64 << 10;

/// Reads where blocking is allowed, one piece ahead of whoever takes them
fn pieces(mut reader: Reader) -> Pieces {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match reader.read(&mut piece) {
                Ok(0) => return,
                Ok(length) => {
                    piece.truncate(length);
                    Ok(Bytes::from(piece))
                }
                Err(error) => Err(error),
            };
            let is_last = read.is_err();
            // Nobody takes any more, or there is no more to take.
            if sender.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    // What compresses an answer asks once more after the end, which an unfolded stream takes ill.
    Box::pin(pieces.fuse())
}

/// Runs what blocks where blocking is allowed
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content: &[u8]) -> impl Stream<Item = Result<Bytes, String>> + Unpin {
        let pieces: Vec<_> = content.chunks(5).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        futures_util::stream::iter(pieces)
    }

    #[tokio::test]
    async fn a_folder_is_left_as_it_was_unless_a_file_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let documents = Documents::in_folder(home.path().join("papers"), 20);
        let name = FileName::parse("levy.pdf").unwrap();
        let left = || {
            let incoming = home.path().join("papers/.incoming");
            std::fs::read_dir(incoming).unwrap().count()
                + std::fs::read_dir(home.path().join("papers")).unwrap().count()
                - 1
        };

        assert!(matches!(documents.receive(&name, body(b"")).await, Err(ReceiveError::Empty)));
        assert!(matches!(documents.receive(&name, body(b"<html>")).await, Err(ReceiveError::Content(_))));
        let large = body(b"%PDF-1.7\n0123456789ab");
        assert!(matches!(
            documents.receive(&name, large).await,
            Err(ReceiveError::TooLarge { bytes_max: 20 })
        ));
        let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"%PDF-")), Err("gone")]);
        assert!(matches!(documents.receive(&name, broken).await, Err(ReceiveError::Broken(_))));
        drop(documents.receive(&name, body(b"%PDF-1.7\n")).await.unwrap());
        assert_eq!(left(), 0);

        let path = StoragePath::parse("o/c/d.pdf").unwrap();
        let received = documents.receive(&name, body(b"%PDF-1.7\n")).await.unwrap();
        let sha256 = received.sha256;
        documents.keep(received, &path).await.unwrap();
        assert_eq!(documents.check(&path, 9, &sha256).await.unwrap(), Verdict::Fine);
        // Nothing is ever written over it.
        let other = documents.receive(&name, body(b"%PDF-1.8\n")).await.unwrap();
        assert!(documents.keep(other, &path).await.is_err());
        assert_eq!(documents.check(&path, 9, &sha256).await.unwrap(), Verdict::Fine);
        std::fs::write(home.path().join("papers/o/c/d.pdf"), b"%PDF-1.9\n").unwrap();
        assert_eq!(documents.check(&path, 9, &sha256).await.unwrap(), Verdict::Differs);
        documents.remove(&path).await.unwrap();
        assert_eq!(documents.check(&path, 9, &sha256).await.unwrap(), Verdict::Missing);
        assert_eq!(left(), 0);
    }
}
