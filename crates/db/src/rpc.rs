//! Functions of the database that people may call by name.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};

use crate::{SqlError, Transaction};

/// A function that the caller may call, and how
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Rpc {
    /// Quoted for SQL.
    quoted_name: String,
    argument_names: Vec<String>,
    quoted_arguments: Vec<String>,
    argument_types: Vec<String>,
    /// Trailing arguments that have a default.
    optional: i16,
    returns_set: bool,
    returns_nothing: bool,
}

/// Arguments that do not fit a function
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error("unknown argument `{0}`")]
    Unknown(String),
    #[error("the argument `{0}` is missing")]
    Missing(String),
}

impl ArgumentError {
    /// The argument's name
    pub fn argument(&self) -> &str {
        match self {
            Self::Unknown(name) | Self::Missing(name) => name,
        }
    }
}

/// Finds a function of schema `public` that is granted to people, the caller among them
///
/// The catalogue is the allow-list. Arguments named `p_…` mark functions of ours that the server calls
/// itself, with values that no caller may choose: those are never found.
pub async fn find(tx: &mut Transaction, name: &str) -> Result<Option<Rpc>, SqlError> {
    sqlx::query_as(
        "select quote_ident(f.proname) as quoted_name, a.names as argument_names, a.quoted as quoted_arguments,
                a.types as argument_types, f.pronargdefaults as optional, f.proretset as returns_set,
                f.prorettype = 'void'::regtype as returns_nothing
           from pg_catalog.pg_proc f
          cross join lateral (
            select coalesce(array_agg(n.name order by n.i), '{}') as names,
                   coalesce(array_agg(quote_ident(n.name) order by n.i), '{}') as quoted,
                   coalesce(array_agg(format_type(f.proargtypes[n.i - 1], null) order by n.i), '{}') as types,
                   coalesce(bool_or(n.name like 'p\\_%'), false) as is_ours
              from unnest(f.proargnames) with ordinality as n (name, i)
             where n.i <= f.pronargs) a
          where f.pronamespace = 'public'::regnamespace and f.proname = $1 and f.prokind = 'f'
            and f.prorettype <> 'trigger'::regtype and not a.is_ours
            and cardinality(a.names) = f.pronargs
            and (f.proargmodes is null or f.proargmodes <@ array['i', 't']::\"char\"[])
            and has_function_privilege(f.oid, 'execute')
            and exists (select from aclexplode(f.proacl) g
                         where g.privilege_type = 'EXECUTE'
                           and g.grantee in ('authenticated'::regrole, 'enforcement_operator'::regrole, 'admin'::regrole))",
    )
    .bind(name)
    .fetch_optional(&mut **tx)
    .await
}

/// Has the functions that this transaction calls answer what they answered to the same id first
///
/// A field `request_id` of a payload says the same; where both are given they must agree.
pub async fn set_request_id(tx: &mut Transaction, request_id: &str) -> Result<(), SqlError> {
    sqlx::query("select set_config('dragonfly.request_id', $1, true)")
        .bind(request_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Rpc {
    /// Whether a field of the body is one of the arguments
    pub fn takes(&self, field: &str) -> bool {
        self.takes_payload() || self.argument_names.iter().any(|name| name == field)
    }

    /// Whether the whole body is the one argument
    fn takes_payload(&self) -> bool {
        self.argument_names == ["payload"] && self.argument_types == ["jsonb"]
    }

    /// Fits the fields of a body to the arguments: by name, or as a whole where `payload jsonb` is the only one
    pub fn arguments(&self, fields: Map<String, Value>) -> Result<Map<String, Value>, ArgumentError> {
        if self.takes_payload() {
            return Ok(Map::from_iter([("payload".to_owned(), Value::Object(fields))]));
        }
        if let Some(unknown) = fields.keys().find(|name| !self.argument_names.contains(name)) {
            return Err(ArgumentError::Unknown(unknown.clone()));
        }
        let required = self.argument_names.len().saturating_sub(usize::try_from(self.optional).unwrap_or(0));
        match self.argument_names.iter().take(required).find(|name| !fields.contains_key(*name)) {
            Some(missing) => Err(ArgumentError::Missing(missing.clone())),
            None => Ok(fields),
        }
    }

    /// Calls the function: its value, an array where it answers rows, null where it answers nothing
    pub async fn call(&self, tx: &mut Transaction, arguments: Map<String, Value>) -> Result<Value, SqlError> {
        let given: Vec<(&String, &String)> = self
            .argument_names
            .iter()
            .zip(&self.quoted_arguments)
            .zip(&self.argument_types)
            .filter(|((name, _), _)| arguments.contains_key(*name))
            .map(|((_, quoted), argument_type)| (quoted, argument_type))
            .collect();
        let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new("select ");
        sql.push(match (self.returns_nothing, self.returns_set) {
            (true, _) => "null::jsonb from ",
            (_, true) => "coalesce(jsonb_agg(to_jsonb(r)), '[]') from ",
            (_, false) => "to_jsonb(r) from ",
        });
        if !given.is_empty() {
            let columns: Vec<String> =
                given.iter().map(|(quoted, argument_type)| format!("{quoted} {argument_type}")).collect();
            sql.push("jsonb_to_record(").push_bind(Json(Value::Object(arguments.clone())));
            sql.push(format!(") as a ({}), ", columns.join(", ")));
        }
        let passed: Vec<String> = given.iter().map(|(quoted, _)| format!("{quoted} => a.{quoted}")).collect();
        sql.push(format!("lateral public.{}({}) r", self.quoted_name, passed.join(", ")));
        let (value,): (Option<Json<Value>>,) = sql.build_query_as().fetch_one(&mut **tx).await?;
        Ok(value.map_or(Value::Null, |value| value.0))
    }
}
