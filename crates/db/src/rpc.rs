//! Functions of the database that people may call by name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::{DbRole, SqlError};

/// Arguments that are read as the fields of a payload are, each with its name where it cannot be
const READERS: [(&str, &str); 3] =
    [("timestamp with time zone", "rpc_instant"), ("uuid", "rpc_uuid"), ("text", "rpc_text")];

fn reader(argument_type: &str) -> Option<&'static str> {
    READERS.iter().find(|(read, _)| *read == argument_type).map(|(_, reader)| *reader)
}

/// A function that people may call, and how
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
    is_volatile: bool,
    is_granted: bool,
    is_for_operators: bool,
}

/// How long a function that was found is taken to be as it was
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Functions by role and name, and when they were found
type Known = HashMap<(DbRole, String), (Instant, Arc<Rpc>)>;

/// The functions that were called lately, by role: looking one up is a query of its own, before every call
#[derive(Debug, Default)]
pub struct Catalogue {
    known: Mutex<Known>,
}

impl Catalogue {
    /// As [`find`], of a transaction that `role` has opened; what a migration or a grant changes shows within a minute
    ///
    /// The database checks the grant of every call by itself.
    pub async fn find(
        &self,
        connection: &mut PgConnection,
        role: DbRole,
        name: &str,
    ) -> Result<Option<Arc<Rpc>>, SqlError> {
        let key = (role, name.to_owned());
        let known = self.known().get(&key).filter(|(found_at, _)| found_at.elapsed() < KNOWN_FOR).cloned();
        if let Some((_, function)) = known {
            return Ok(Some(function));
        }
        let found = find(connection, name).await?.map(Arc::new);
        match &found {
            Some(function) => self.known().insert(key, (Instant::now(), function.clone())),
            None => self.known().remove(&key),
        };
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Finds a function of schema `public` that is granted to people, if not to the caller then to others
///
/// The catalogue is the allow-list. Arguments named `p_…` mark functions of ours that the server calls
/// itself, with values that no caller may choose: those are never found.
pub async fn find(connection: &mut PgConnection, name: &str) -> Result<Option<Rpc>, SqlError> {
    sqlx::query_as(
        "select quote_ident(f.proname) as quoted_name, a.names as argument_names, a.quoted as quoted_arguments,
                a.types as argument_types, f.pronargdefaults as optional, f.proretset as returns_set,
                f.prorettype = 'void'::regtype as returns_nothing, f.provolatile = 'v' as is_volatile,
                has_function_privilege(f.oid, 'execute') as is_granted,
                has_function_privilege('enforcement_operator', f.oid, 'execute') as is_for_operators
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
            and exists (select from aclexplode(f.proacl) g
                         where g.privilege_type = 'EXECUTE'
                           and g.grantee in ('authenticated'::regrole, 'enforcement_operator'::regrole, 'admin'::regrole))",
    )
    .bind(name)
    .fetch_optional(connection)
    .await
}

/// Has the functions that this transaction calls answer what they answered to the same id first
///
/// A field `request_id` of a payload says the same; where both are given they must agree.
pub async fn set_request_id(connection: &mut PgConnection, request_id: &str) -> Result<(), SqlError> {
    sqlx::query("select set_config('dragonfly.request_id', $1, true)")
        .bind(request_id)
        .execute(connection)
        .await?;
    Ok(())
}

impl Rpc {
    /// Whether the caller is among those whom it is granted to
    pub fn is_granted(&self) -> bool {
        self.is_granted
    }

    /// Whether operators are among them
    pub fn is_for_operators(&self) -> bool {
        self.is_for_operators
    }

    /// Whether it may write
    pub fn writes(&self) -> bool {
        self.is_volatile
    }

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
    pub async fn call(
        &self,
        connection: &mut PgConnection,
        arguments: Map<String, Value>,
    ) -> Result<Value, SqlError> {
        let given: Vec<(&String, &String, &String)> = self
            .argument_names
            .iter()
            .zip(&self.quoted_arguments)
            .zip(&self.argument_types)
            .filter(|((name, _), _)| arguments.contains_key(*name))
            .map(|((name, quoted), argument_type)| (name, quoted, argument_type))
            .collect();
        let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new("select ");
        sql.push(match (self.returns_nothing, self.returns_set) {
            (true, _) => "null::jsonb from ",
            (_, true) => "coalesce(jsonb_agg(to_jsonb(r)), '[]') from ",
            (_, false) => "to_jsonb(r) from ",
        });
        if !given.is_empty() {
            sql.push("(select ").push_bind(Json(Value::Object(arguments.clone()))).push(" as body) b, ");
        }
        let columns: Vec<String> = given
            .iter()
            .filter(|(_, _, argument_type)| reader(argument_type).is_none())
            .map(|(_, quoted, argument_type)| format!("{quoted} {argument_type}"))
            .collect();
        if !columns.is_empty() {
            sql.push(format!("lateral jsonb_to_record(b.body) as a ({}), ", columns.join(", ")));
        }
        sql.push(format!("lateral public.{}(", self.quoted_name));
        for (n, (name, quoted, argument_type)) in given.iter().enumerate() {
            sql.push(if n == 0 { "" } else { ", " });
            match reader(argument_type) {
                Some(reader) => {
                    sql.push(format!("{quoted} => public.{reader}(b.body, "))
                        .push_bind(name.as_str())
                        .push(")");
                }
                None => {
                    sql.push(format!("{quoted} => a.{quoted}"));
                }
            }
        }
        sql.push(") r");
        let (value,): (Option<Json<Value>>,) = sql.build_query_as().fetch_one(connection).await?;
        Ok(value.map_or(Value::Null, |value| value.0))
    }
}
