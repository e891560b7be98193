//! The stages of cases as the organisation has set them.

use chrono::{DateTime, Utc};
use contract::{Stage, StageTask};
use serde::Deserialize;
use sqlx::types::Json;

use crate::{SqlError, Transaction, wire};

#[derive(sqlx::FromRow)]
struct Record {
    stage: String,
    ordinal: i32,
    sla_days: Option<i32>,
    description: String,
    default_sla_days: Option<i32>,
    default_description: String,
    tasks: Json<Vec<TaskRecord>>,
    updated_at: Option<DateTime<Utc>>,
    updated_by: Option<String>,
}

#[derive(Deserialize)]
struct TaskRecord {
    kind: String,
    title: String,
    due_days: i32,
}

/// Every stage in its order, with its defaults
pub async fn list(tx: &mut Transaction) -> Result<Vec<Stage>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(
        "select stage, ordinal, sla_days, description, default_sla_days, default_description, tasks, updated_at, updated_by
           from public.v_enforcement_stages where org_id = (select public.current_org_id()) order by ordinal, stage",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(records.into_iter().map(stage).collect())
}

fn stage(record: Record) -> Stage {
    let task = |task: TaskRecord| StageTask {
        kind: task.kind,
        title: task.title,
        due_days: wire::revision(task.due_days),
    };
    Stage {
        stage: record.stage,
        ordinal: wire::revision(record.ordinal),
        sla_days: record.sla_days.map(wire::revision),
        description: record.description,
        default_sla_days: record.default_sla_days.map(wire::revision),
        default_description: record.default_description,
        tasks: record.tasks.0.into_iter().map(task).collect(),
        updated_at: record.updated_at.map(wire::instant),
        updated_by: record.updated_by,
    }
}
