//! Somebody outside, on this machine: a server that answers what it is told to, and keeps what it was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

pub(crate) struct Loopback {
    pub(crate) url: String,
    /// The head and the body of each request.
    pub(crate) received: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Loopback {
    /// Answers each request with the next status and body, and then with the last
    pub(crate) async fn answering(path: &str, answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, next) = (Arc::clone(&received), AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let (head, body) = loop {
                    let read = stream.read_buf(&mut request).await.unwrap();
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let length = |head: &str| -> usize {
                        let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                        line.map_or(0, |length| length.parse().unwrap())
                    };
                    match text.split_once("\r\n\r\n") {
                        Some((head, body)) if body.len() >= length(head) => {
                            break (head.to_owned(), body.to_owned());
                        }
                        _ => assert!(read > 0, "the request ends too soon"),
                    }
                };
                kept.lock().await.push((head, serde_json::from_str(&body).unwrap()));
                let (status, body) = &answers[next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)];
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                // Who has heard enough hangs up.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, received }
    }

    pub(crate) async fn received(&self) -> usize {
        self.received.lock().await.len()
    }
}
