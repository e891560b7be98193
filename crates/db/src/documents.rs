//! What is noted of the documents of cases. Their files are no business of the database's.

use chrono::{DateTime, Utc};
use contract::StoredDocument;
use serde::Deserialize;
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

/// A file that has come in for a case
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument<'a> {
    /// New with every try.
    pub id: Uuid,
    pub case_id: Uuid,
    pub event_id: Option<Uuid>,
    pub action_id: Option<Uuid>,
    pub doc_kind: &'a str,
    pub file_name: &'a str,
    pub media_type: &'a str,
    /// Under which it is kept, without the point.
    pub ending: &'a str,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
}

/// What is to be known to hand a file out, or to look whether it is still what it was
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KeptFile {
    pub id: Uuid,
    pub org_id: Uuid,
    pub storage_path: String,
    /// None, as what follows, where the file was only named, and is kept by somebody else.
    pub file_name: Option<String>,
    pub media_type: Option<String>,
    pub size_bytes: Option<i64>,
    pub sha256: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    case_id: String,
    event_id: Option<String>,
    action_id: Option<String>,
    doc_kind: String,
    file_name: String,
    media_type: String,
    size_bytes: u64,
    sha256: String,
    storage_path: String,
    uploaded_by: String,
    uploaded_at: DateTime<Utc>,
}

/// Whether the transaction's organisation has the case
pub async fn has_case(tx: &mut Transaction, case_id: Uuid) -> Result<bool, SqlError> {
    sqlx::query_scalar(
        "select exists (select from public.enforcement_cases c
                         where c.org_id = (select public.current_org_id()) and c.id = $1)",
    )
    .bind(case_id)
    .fetch_one(&mut **tx)
    .await
}

/// Notes a document; give its file the answered place before you commit
///
/// Under a request id that was answered before ([`crate::rpc::set_request_id`]) answers the first document, whose id is another.
pub async fn store(tx: &mut Transaction, document: &NewDocument<'_>) -> Result<StoredDocument, SqlError> {
    let sha256: String = document.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let (Json(row),): (Json<Row>,) = sqlx::query_as("select public.store_enforcement_document($1)")
        .bind(json!({
            "id": document.id, "case_id": document.case_id, "event_id": document.event_id, "action_id": document.action_id,
            "doc_kind": document.doc_kind, "file_name": document.file_name, "media_type": document.media_type,
            "ending": document.ending, "size_bytes": document.size_bytes, "sha256": sha256,
        }))
        .fetch_one(&mut **tx)
        .await?;
    Ok(StoredDocument {
        id: row.id,
        case_id: row.case_id,
        event_id: row.event_id,
        action_id: row.action_id,
        doc_kind: row.doc_kind,
        file_name: row.file_name,
        media_type: row.media_type,
        size_bytes: row.size_bytes,
        sha256: row.sha256,
        storage_path: row.storage_path,
        uploaded_by: row.uploaded_by,
        uploaded_at: wire::instant(row.uploaded_at),
    })
}

/// A document of the transaction's organisation
pub async fn find(tx: &mut Transaction, id: Uuid) -> Result<Option<KeptFile>, SqlError> {
    sqlx::query_as(
        "select id, org_id, storage_path, file_name, media_type, size_bytes, sha256
           from public.enforcement_documents
          where org_id = (select public.current_org_id()) and id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await
}

/// The next documents by id, those of every organisation where the transaction spans them
pub async fn after(tx: &mut Transaction, id: Option<Uuid>, limit: i64) -> Result<Vec<KeptFile>, SqlError> {
    sqlx::query_as(
        "select id, org_id, storage_path, file_name, media_type, size_bytes, sha256
           from public.enforcement_documents
          where $1 is null or id > $1
          order by id limit $2",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}
