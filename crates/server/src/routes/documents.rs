//! Documents of cases: files come in and are handed out.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contract::StoredDocument;
use db::documents::{KeptFile, NewDocument};
use db::{SqlError, rpc};
use documents::{Documents, FileName, MediaKind, NameError, ReceiveError, Received, StoragePath};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::rpc::idempotency_key;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::session::{Operator, Viewer};
use crate::{App, AppState};

/// What a file is
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// Such as `bank_levy`; 1 to 60 characters
    doc_kind: String,
    /// Without a folder; its ending says the type: pdf, png, jpg, jpeg, tif, tiff, docx, xlsx, txt or csv
    file_name: String,
    /// The event of the case that it vouches for
    #[param(format = Uuid)]
    event_id: Option<String>,
    /// The action of the case that it vouches for
    #[param(format = Uuid)]
    action_id: Option<String>,
}

/// Keeps a file as a document of a case; the body is the file
///
/// Answers the document, whose `storage_path` is what `document_path` of events, stages and payments is to say. With an
/// `Idempotency-Key`, the same file again answers the first document.
#[utoipa::path(post, path = "/api/cases/{id}/documents", tag = "documents",
    params(("id" = String, Path, format = Uuid), UploadParams, ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = StoredDocument)))]
pub(crate) async fn upload(
    State(app): State<AppState>,
    operator: Operator,
    PathId(case_id): PathId,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<StoredDocument>, ApiError> {
    // Nobody sends megabytes to hear that the case is not theirs.
    let actor = operator.actor();
    let mut tx = app.db.begin_as(&actor).await?;
    if !db::documents::has_case(&mut tx, case_id).await? {
        return Err(ApiError::not_found("this case"));
    }
    drop(tx);
    let documents = place(&app)?.clone();
    let request_id = idempotency_key(&headers)?;
    let Query(params) = Query::<UploadParams>::try_from_uri(request.uri())
        .map_err(|rejection| ApiError::invalid("", rejection.body_text()))?;
    let file_name = FileName::parse(&params.file_name).map_err(bad_name)?;
    let event_id = id("event_id", params.event_id)?;
    let action_id = id("action_id", params.action_id)?;
    if params.doc_kind.contains('\0') {
        return Err(ApiError::invalid("doc_kind", "`doc_kind` is not a text"));
    }

    let received =
        documents.receive(&file_name, request.into_body().into_data_stream()).await.map_err(not_taken)?;
    // On its own, so that a caller who leaves does not leave half of it.
    let stored = tokio::spawn(async move {
        let document = NewDocument {
            id: Uuid::new_v4(),
            case_id,
            event_id,
            action_id,
            doc_kind: &params.doc_kind,
            file_name: file_name.as_str(),
            media_type: received.kind.media_type(),
            ending: received.kind.ending(),
            size_bytes: received.size_bytes,
            sha256: received.sha256,
        };
        let mut tx = app.db.begin_as(&actor).await?;
        if let Some(request_id) = request_id {
            rpc::set_request_id(&mut tx, &request_id).await?;
        }
        let stored = db::documents::store(&mut tx, &document).await?;
        // What was answered before has its file already.
        if stored.id != document.id.to_string() {
            return Ok(stored);
        }
        keep(&documents, received, &stored, tx).await?;
        Ok(stored)
    });
    stored.await.map_err(ApiError::internal)?.map(Json)
}

/// Gives a file its place and commits the row that names it: both or, as far as anybody can tell, neither
async fn keep(
    documents: &Documents,
    received: Received,
    stored: &StoredDocument,
    tx: db::Transaction,
) -> Result<(), ApiError> {
    let path = StoragePath::parse(&stored.storage_path)
        .ok_or_else(|| ApiError::internal(format!("`{}` is no place for a document", stored.storage_path)))?;
    documents
        .keep(received, &path)
        .await
        .map_err(|error| ApiError::internal(format!("a document is not kept: {error}")))?;
    let Err(error) = tx.commit().await else {
        return Ok(());
    };
    // Where the connection broke, the row may be there: then a file too many is better than one too few.
    if matches!(error, SqlError::Database(_))
        && let Err(error) = documents.remove(&path).await
    {
        tracing::warn!(%error, %path, "document_left_behind");
    }
    Err(error.into())
}

/// The file of a document, to be saved: never shown by the browser as a page of ours
#[utoipa::path(get, path = "/api/documents/{id}", tag = "documents", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = Vec<u8>, content_type = "*/*")))]
pub(crate) async fn download(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let file = db::documents::find(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("this document"))?;
    drop(tx);
    let KeptFile { org_id, storage_path, file_name, media_type, size_bytes, .. } = file;
    let (Some(file_name), Some(media_type), Some(size_bytes)) = (file_name, media_type, size_bytes) else {
        return Err(ApiError::not_found("the file of this document")
            .hint(format!("it was only named; it is kept elsewhere, as `{storage_path}`")));
    };
    // Rows are written by a function that says the place itself: this is for the day when it errs.
    let path =
        StoragePath::parse(&storage_path).filter(|path| path.as_str().starts_with(&format!("{org_id}/")));
    let path =
        path.ok_or_else(|| ApiError::internal(format!("`{storage_path}` is no place for a document")))?;
    let opened = place(&app)?.open(&path).await.map_err(ApiError::unavailable)?;
    let gone = || {
        tracing::error!(document_id = %id, %path, "document_file_missing");
        ApiError::not_found("the file of this document")
            .hint("an admin can run `dragonfly doctor` and restore it from a backup")
    };
    let (size, pieces) =
        opened.filter(|(size, _)| i64::try_from(*size) == Ok(size_bytes)).ok_or_else(gone)?;
    let header = |text: String| HeaderValue::try_from(text).map_err(ApiError::internal);
    let attachment = FileName::parse(&file_name).map_err(ApiError::internal)?.attachment();
    let headers = [
        (CONTENT_TYPE, header(media_type)?),
        (CONTENT_DISPOSITION, header(attachment)?),
        (CONTENT_LENGTH, HeaderValue::from(size)),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
        ),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn place(app: &App) -> Result<&Documents, ApiError> {
    app.documents.as_ref().ok_or_else(|| {
        ApiError::status(StatusCode::NOT_IMPLEMENTED, "no place for documents is set").hint("set `documents`")
    })
}

fn id(field: &str, text: Option<String>) -> Result<Option<Uuid>, ApiError> {
    let id = text.filter(|text| !text.is_empty()).map(|text| text.parse()).transpose();
    id.map_err(|_| ApiError::invalid(field, format!("`{field}` is not a UUID")))
}

fn bad_name(error: NameError) -> ApiError {
    ApiError::invalid("file_name", error.to_string())
}

fn not_taken(error: ReceiveError) -> ApiError {
    match error {
        ReceiveError::Empty => ApiError::invalid("", error.to_string()).hint("send the file as the body"),
        ReceiveError::TooLarge { .. } => ApiError::status(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        ReceiveError::Content(_) => ApiError::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string())
            .field("file_name")
            .hint(format!("files of these types are taken: {}", MediaKind::endings())),
        ReceiveError::Broken(_) => ApiError::malformed("the file did not arrive whole"),
        ReceiveError::Io(_) => ApiError::internal(error),
    }
}
