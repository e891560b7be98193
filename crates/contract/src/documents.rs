//! Documents of cases.

use serde::{Deserialize, Serialize};

bodies! {
    /// `POST /api/cases/{id}/documents`: a document whose file is kept
    pub struct StoredDocument {
        pub id: String,
        pub case_id: String,
        /// The event that it vouches for.
        pub event_id: Option<String>,
        /// The action that it vouches for.
        pub action_id: Option<String>,
        pub doc_kind: String,
        /// What its uploader called it.
        pub file_name: String,
        pub media_type: String,
        pub size_bytes: u64,
        /// 64 lower-case hexadecimal digits.
        pub sha256: String,
        /// What `document_path` of events, stages and payments is to say.
        pub storage_path: String,
        pub uploaded_by: String,
        pub uploaded_at: String,
    }
}
