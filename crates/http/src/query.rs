use axum::extract::Query;
use http::request::Parts;

/// The first parameter of the query with this name, in any letter case, if it is not empty.
pub(crate) fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
    let named = |(key, value): &(String, String)| key.eq_ignore_ascii_case(name) && !value.is_empty();
    pairs.into_iter().find(named).map(|(_, value)| value)
}
