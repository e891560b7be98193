//! What a person may want to share lives in the URL: reading and writing its query.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::params::ParamsMap;

pub fn encode(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// `a=1&b=2` of the pairs whose value is not empty.
pub fn query_string<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(&encode(value));
    }
    query
}

/// The current address: path and query.
pub fn here() -> String {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let query = location.search.get_untracked();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// Shows another address in place of the current one.
pub fn go(address: &str) {
    use_navigate()(address, NavigateOptions { replace: true, ..NavigateOptions::default() });
}

/// One parameter of the current query; empty where it is absent.
///
/// Of the location, not of the route (`use_query_map`): all pages are one route, which learns of a new query after the page
/// that the address names has been made.
pub fn parameter(name: &'static str) -> Memo<String> {
    let query = use_location().query;
    Memo::new(move |_| query.with(|query| query.get(name).unwrap_or_default()))
}

/// Replaces parameters of the current query in place, without another step in the browser's history.
pub fn use_set_parameters() -> impl Fn(&[(&str, &str)]) + Clone + 'static {
    let location = use_location();
    let query = location.query;
    let navigate = use_navigate();
    move |changes: &[(&str, &str)]| {
        let kept: Vec<(String, String)> = query.with_untracked(|query: &ParamsMap| {
            query
                .latest_values()
                .filter(|(name, _)| !changes.iter().any(|(changed, _)| *changed == *name))
                .map(|(name, value)| (name.to_string(), value.to_owned()))
                .collect()
        });
        let pairs =
            kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(changes.iter().copied());
        let path = location.pathname.get_untracked();
        let query = query_string(pairs);
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        navigate(&target, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    }
}

/// The query without what is not a page's own: the key of the list that it shows.
pub fn use_query<const N: usize>(parameters: [&'static str; N]) -> Memo<String> {
    let query = use_location().query;
    Memo::new(move |_| {
        query.with(|map| {
            let values = parameters.map(|name| (name, map.get(name).unwrap_or_default()));
            query_string(values.iter().map(|(name, value)| (*name, value.as_str())))
        })
    })
}
