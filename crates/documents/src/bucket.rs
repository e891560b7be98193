//! Files in a bucket that speaks S3: Amazon's, MinIO, Ceph, R2 and others
//!
//! Requests are signed by `rusty-s3` and sent by `ureq`; each carries its authority in its address, for ten minutes.

use std::fmt;
use std::fs::File;
use std::time::Duration;

use rusty_s3::actions::{DeleteObject, GetObject, PutObject};
use rusty_s3::{Credentials, S3Action, UrlStyle};
use ureq::{Agent, Body, SendBody};
use url::Url;

use crate::{Reader, StoragePath};

const SIGNED_FOR: Duration = Duration::from_secs(600);
const TIME_MAX: Duration = Duration::from_secs(120);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// A bucket, or a part of one below a prefix
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    prefix: String,
}

/// Why a bucket cannot be used
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("`{0}` is not the place of a bucket, such as `s3://bucket/prefix`")]
    Place(String),
    #[error("the endpoint `{0}` is not an address, such as `https://s3.example.com`")]
    Endpoint(String),
    #[error("the bucket has answered {status} to {doing}")]
    Status { doing: &'static str, status: u16 },
    // An address carries its authority: not for logs.
    #[error("the bucket cannot be reached to {doing}: {cause}")]
    Unreachable { doing: &'static str, cause: String },
}

impl Bucket {
    /// A bucket by `s3://bucket/prefix`; without an endpoint, Amazon's of the region
    pub fn new(
        place: &str,
        endpoint: Option<&str>,
        region: &str,
        key_id: &str,
        secret: &str,
        session_token: Option<&str>,
    ) -> Result<Self, BucketError> {
        let refused = || BucketError::Place(place.to_owned());
        let path = place.strip_prefix("s3://").ok_or_else(refused)?;
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_matches('/');
        let address = endpoint.map_or_else(|| format!("https://s3.{region}.amazonaws.com"), str::to_owned);
        let url = Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or(BucketError::Endpoint(address))?;
        // Others than Amazon seldom have a name for each bucket.
        let style = if endpoint.is_some() { UrlStyle::Path } else { UrlStyle::VirtualHost };
        if name.is_empty() {
            return Err(refused());
        }
        Ok(Self {
            bucket: rusty_s3::Bucket::new(url, style, name.to_owned(), region.to_owned())
                .map_err(|_| refused())?,
            credentials: match session_token {
                Some(token) => Credentials::new_with_token(key_id, secret, token),
                None => Credentials::new(key_id, secret),
            },
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        })
    }

    fn key(&self, path: &StoragePath) -> String {
        format!("{}{path}", self.prefix)
    }

    pub(crate) fn put(
        &self,
        path: &StoragePath,
        file: File,
        size_bytes: u64,
        media_type: &str,
    ) -> Result<(), BucketError> {
        let url = PutObject::new(&self.bucket, Some(&self.credentials), &self.key(path)).sign(SIGNED_FOR);
        let sent = agent()
            .put(url.as_str())
            .header("content-type", media_type)
            .header("content-length", size_bytes.to_string())
            .send(SendBody::from_owned_reader(file));
        expect("put", sent, false).map(|_| ())
    }

    pub(crate) fn get(&self, path: &StoragePath) -> Result<Option<(u64, Reader)>, BucketError> {
        let url = GetObject::new(&self.bucket, Some(&self.credentials), &self.key(path)).sign(SIGNED_FOR);
        // What would be compressed on its way has no length.
        let got = agent().get(url.as_str()).header("accept-encoding", "identity").call();
        let Some(body) = expect("get", got, true)? else {
            return Ok(None);
        };
        let size = body.content_length().unwrap_or_default();
        Ok(Some((size, Box::new(body.into_with_config().limit(u64::MAX).reader()))))
    }

    pub(crate) fn remove(&self, path: &StoragePath) -> Result<(), BucketError> {
        let url = DeleteObject::new(&self.bucket, Some(&self.credentials), &self.key(path)).sign(SIGNED_FOR);
        expect("delete", agent().delete(url.as_str()).call(), true).map(|_| ())
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(TIME_MAX))
        .timeout_connect(Some(CONNECT_TIME_MAX))
        .max_redirects(0)
        .http_status_as_error(false)
        .build()
        .new_agent()
}

/// The body of an answer that went well; None where the object is missing and may be
fn expect(
    doing: &'static str,
    answer: Result<ureq::http::Response<Body>, ureq::Error>,
    may_be_missing: bool,
) -> Result<Option<Body>, BucketError> {
    let answer = answer.map_err(|error| BucketError::Unreachable {
        doing,
        cause: match error {
            ureq::Error::Io(error) => error.kind().to_string(),
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            ureq::Error::HostNotFound => "the host is unknown".to_owned(),
            _ => "the request failed".to_owned(),
        },
    })?;
    match answer.status().as_u16() {
        200..=299 => Ok(Some(answer.into_body())),
        404 if may_be_missing => Ok(None),
        status => Err(BucketError::Status { doing, status }),
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name(), self.prefix)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials.
        write!(f, "Bucket({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use tokio::runtime::Runtime;

    use super::*;
    use crate::{Documents, FileName, Verdict};

    /// Keeps objects as S3 does, as far as we ask it to; refuses what is not signed
    fn storage() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut objects: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let head_end = loop {
                    let mut piece = [0; 4096];
                    let read = stream.read(&mut piece).unwrap();
                    request.extend_from_slice(&piece[..read]);
                    if let Some(end) = request.windows(4).position(|piece| piece == b"\r\n\r\n") {
                        break end + 4;
                    }
                };
                let head = String::from_utf8(request[..head_end].to_vec()).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length = length.map_or(0, |length| length.parse().unwrap());
                while request.len() < head_end + length {
                    let mut piece = [0; 4096];
                    let read = stream.read(&mut piece).unwrap();
                    request.extend_from_slice(&piece[..read]);
                }
                let mut words = head.split(' ');
                let (method, address) = (words.next().unwrap(), words.next().unwrap());
                let (path, query) = address.split_once('?').unwrap();
                let is_signed =
                    ["X-Amz-Signature=", "X-Amz-Credential=id%2F", "X-Amz-Security-Token=session"]
                        .iter()
                        .all(|part| query.contains(part));
                let (status, body) = match (is_signed, method, objects.get(path)) {
                    (false, ..) => (403, Vec::new()),
                    (_, "PUT", _) => {
                        objects.insert(path.to_owned(), request[head_end..].to_vec());
                        (200, Vec::new())
                    }
                    (_, "GET", Some(object)) => (200, object.clone()),
                    (_, "DELETE", _) => {
                        objects.remove(path);
                        (204, Vec::new())
                    }
                    _ => (404, Vec::new()),
                };
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(&[answer.into_bytes(), body].concat()).unwrap();
            }
        });
        endpoint
    }

    #[test]
    fn a_bucket_keeps_what_it_is_given_until_it_is_removed() {
        let runtime = Runtime::new().unwrap();
        let bucket =
            Bucket::new("s3://papers/prod", Some(&storage()), "us-east-1", "id", "secret", Some("session"));
        let documents = Documents::in_bucket(bucket.unwrap(), 1 << 20);
        let path = StoragePath::parse("o-1/c-1/d-1.pdf").unwrap();
        runtime.block_on(async {
            let name = FileName::parse("levy.pdf").unwrap();
            let content = [b"%PDF-1.7\n".as_slice(), &[7; 300_000]].concat();
            let body = futures_util::stream::iter(
                content.chunks(10_000).map(|piece| Ok::<_, String>(piece.to_vec().into())),
            );
            let received = documents.receive(&name, body).await.unwrap();
            let (size, sha256) = (received.size_bytes, received.sha256);
            assert_eq!(size, content.len() as u64);
            assert_eq!(documents.check(&path, size, &sha256).await.unwrap(), Verdict::Missing);
            documents.keep(received, &path).await.unwrap();
            assert_eq!(documents.check(&path, size, &sha256).await.unwrap(), Verdict::Fine);
            assert_eq!(documents.check(&path, size, &[0; 32]).await.unwrap(), Verdict::Differs);
            documents.remove(&path).await.unwrap();
            assert!(documents.open(&path).await.unwrap().is_none());
        });
    }

    #[test]
    fn a_bucket_that_refuses_or_is_away_is_an_error_without_the_address() {
        let runtime = Runtime::new().unwrap();
        let path = StoragePath::parse("a.pdf").unwrap();
        for (endpoint, expect) in [
            (storage(), "the bucket has answered 403 to get"),
            ("http://127.0.0.1:1".to_owned(), "the bucket cannot be reached to get: connection refused"),
        ] {
            let bucket =
                Bucket::new("s3://papers", Some(&endpoint), "us-east-1", "id", "secret", None).unwrap();
            let opened = runtime.block_on(Documents::in_bucket(bucket, 1).open(&path));
            assert_eq!(opened.err().unwrap().to_string(), expect);
        }
    }

    #[test]
    fn places_are_told_from_other_addresses() {
        for place in ["s3://", "s3:///x", "https://papers", "papers"] {
            assert!(Bucket::new(place, None, "us-east-1", "id", "secret", None).is_err(), "{place}");
        }
        assert!(Bucket::new("s3://papers", Some("nowhere"), "us-east-1", "id", "secret", None).is_err());
        let bucket = Bucket::new("s3://papers/a/b/", None, "us-east-1", "id", "secret", None).unwrap();
        assert_eq!(format!("{bucket:?}"), "Bucket(s3://papers/a/b/)");
    }
}
