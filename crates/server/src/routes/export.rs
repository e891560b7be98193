//! Lists as files: the one way to stream CSV.

use std::borrow::Cow;
use std::future::Future;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use db::{SqlError, Transaction};
use futures_util::stream::{self, StreamExt};
use tokio::sync::{Semaphore, mpsc};

use crate::AppState;
use crate::error::ApiError;
use crate::session::Viewer;

/// Each export keeps a connection while the browser reads: the others are for everybody else.
static PLACES: Semaphore = Semaphore::const_new(4);

/// A list as a file: what it is called, and a row's cells under their columns
pub(super) struct Export<Row, const N: usize> {
    /// Without its ending.
    pub(super) name: &'static str,
    pub(super) columns: [&'static str; N],
    pub(super) cells: fn(&Row) -> [String; N],
}

impl<Row: Send + 'static, const N: usize> Export<Row, N> {
    /// Streams what `send` sends, as it comes, beneath the columns' names
    ///
    /// `send` answers true once all is sent. A cell that a spreadsheet would take for a formula begins with an apostrophe.
    pub(super) async fn stream<Sending>(
        &'static self,
        app: &AppState,
        viewer: &Viewer,
        send: impl FnOnce(Transaction, mpsc::Sender<Result<Vec<Row>, SqlError>>) -> Sending,
    ) -> Result<Response, ApiError>
    where
        Sending: Future<Output = bool> + Send + 'static,
    {
        self.stream_as(self.name.to_owned(), app, viewer, send).await
    }

    /// The same, under another name than the list's
    pub(super) async fn stream_as<Sending>(
        &'static self,
        name: String,
        app: &AppState,
        viewer: &Viewer,
        send: impl FnOnce(Transaction, mpsc::Sender<Result<Vec<Row>, SqlError>>) -> Sending,
    ) -> Result<Response, ApiError>
    where
        Sending: Future<Output = bool> + Send + 'static,
    {
        let place = PLACES.acquire().await.map_err(ApiError::internal)?;
        let tx = app.db.begin_as(&viewer.actor()).await?;
        let (sender, receiver) = mpsc::channel(4);
        let sending = send(tx, sender);
        let sending = tokio::spawn(async move {
            let _place = place;
            sending.await
        });
        let header = stream::once(async { piece(&[self.columns.map(str::to_owned)]) });
        let rows = stream::unfold(Some((receiver, sending)), |state| async {
            let (mut receiver, sending) = state?;
            match receiver.recv().await {
                Some(Ok(rows)) => {
                    let records: Vec<_> = rows.iter().map(self.cells).collect();
                    Some((piece(&records), Some((receiver, sending))))
                }
                Some(Err(error)) => Some((Err(error.to_string()), None)),
                None if sending.await.unwrap_or(false) => None,
                None => Some((Err("the receiver took too long".to_owned()), None)),
            }
        });
        // An error comes too late for another status: the connection breaks off, which browsers report.
        let body = header.chain(rows).map(|piece| {
            piece.inspect_err(|cause| tracing::error!(cause, "export_failed")).map_err(io::Error::other)
        });
        // Compression asks once more after the end, which the stream of rows does not stand by itself.
        let body = body.fuse();
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
        ];
        Ok((headers, Body::from_stream(body)).into_response())
    }
}

/// The text of a cell that may be missing
pub(super) fn optional(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

fn piece<const N: usize>(records: &[[String; N]]) -> Result<Bytes, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer
            .write_record(record.iter().map(|text| safe(text).into_owned()))
            .map_err(|error| error.to_string())?;
    }
    Ok(writer.into_inner().map_err(|error| error.to_string())?.into())
}

/// Text that no spreadsheet takes for a formula
fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(safe(formula), format!("'{formula}"));
        }
        assert_eq!(safe("Smith = Sons"), "Smith = Sons");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let written = piece(&[["Doe, Jane".to_owned(), "=\"a\"".to_owned()]]).expect("text is written");
        assert_eq!(written, "\"Doe, Jane\",\"'=\"\"a\"\"\"\n");
    }
}
