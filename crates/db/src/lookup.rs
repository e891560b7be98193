//! Finds judgments by what people type.

use contract::JudgmentRef;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

/// A judgment that was meant, perhaps
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: Uuid,
    pub judgment: JudgmentRef,
    pub court: Option<String>,
    pub status: String,
}

/// The judgments of the caller's organisation with this id or case number, whatever its punctuation
///
/// Case numbers repeat between courts: there may be several, at most 20 are answered.
pub async fn judgments(tx: &mut Transaction, id_or_case_number: &str) -> Result<Vec<Candidate>, SqlError> {
    let id = Uuid::try_parse(id_or_case_number.trim()).ok();
    let rows: Vec<(Uuid, i64, String, Option<String>, String)> = sqlx::query_as(
        "select id, judgment_no, case_number, court, status
           from public.core_judgments
          where org_id = (select public.current_org_id())
            and (id = $1 or ($1 is null and docket <> '' and docket = upper(regexp_replace($2, '[^A-Za-z0-9]', '', 'g'))))
          order by judgment_no limit 20",
    )
    .bind(id)
    .bind(id_or_case_number)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, judgment_no, case_number, court, status)| Candidate {
            id,
            judgment: JudgmentRef { id: id.to_string(), judgment_no: wire::count(judgment_no), case_number },
            court,
            status,
        })
        .collect())
}

/// The judgments with these numbers, in the order of their numbers; without `org_id` of the caller's organisation
pub async fn numbered(
    tx: &mut Transaction,
    org_id: Option<Uuid>,
    judgment_nos: &[i64],
) -> Result<Vec<JudgmentRef>, SqlError> {
    let rows: Vec<(Uuid, i64, String)> = sqlx::query_as(
        "select id, judgment_no, case_number from public.core_judgments
          where org_id = coalesce($1, (select public.current_org_id())) and judgment_no = any ($2) order by judgment_no",
    )
    .bind(org_id)
    .bind(judgment_nos)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, judgment_no, case_number)| JudgmentRef {
            id: id.to_string(),
            judgment_no: wire::count(judgment_no),
            case_number,
        })
        .collect())
}

/// Whether the caller's organisation has any judgment
pub async fn has_judgments(tx: &mut Transaction) -> Result<bool, SqlError> {
    let (has_any,) = sqlx::query_as(
        "select exists (select from public.core_judgments where org_id = (select public.current_org_id()))",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(has_any)
}
