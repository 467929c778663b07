//! No route without a test: what the router lists is compared with the paths that the tests name.

use std::{fs, path::Path};

/// The string literals of Rust source that have a slash: from there, or from behind a host, to their query.
fn paths(source: &str) -> Vec<String> {
    let literals = source.split('"').skip(1).map(|text| text.split_once("://").map_or(text, |(_, rest)| rest));
    let paths = literals.filter_map(|text| text.find('/').map(|at| &text[at..]));
    paths.map(|path| path.split(['?', ' ', '\n', '\\']).next().unwrap_or_default().replace("{query}", "")).collect()
}

fn tests_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("e2e/routes.rs") {
            found.extend(paths(&fs::read_to_string(path).unwrap()));
        }
    }
}

fn routes(router: &Path) -> Vec<String> {
    let source = fs::read_to_string(router).unwrap();
    let routes = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap().to_owned());
    routes.collect()
}

/// A parameter of the route may have any value in the test, but what the route spells out the test does too.
fn is_named(route: &str, path: &str) -> bool {
    let (mut route, mut path) = (route.split('/'), path.split('/'));
    loop {
        match (route.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected == given || (expected.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

#[test]
fn each_is_named_by_a_test() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let routes = routes(&crates.join("http/src/router.rs"));
    assert!(routes.len() > 150, "{} routes", routes.len());
    let mut named = Vec::new();
    for folder in ["http/tests", "wago/tests"] {
        tests_in(&crates.join(folder), &mut named);
    }
    let without: Vec<_> = routes.iter().filter(|route| !named.iter().any(|path| is_named(route, path))).collect();
    assert!(without.is_empty(), "routes that no test names: {without:#?}");
}

#[test]
fn what_a_test_names() {
    let source = r#"post("/webhooks/7/test?x=1"), format!("{url}/phones/{number}/send"), "/chat/{what}", "no path""#;
    let named = paths(source);
    assert!(named.iter().any(|path| is_named("/webhooks/{id}/test", path)));
    assert!(named.iter().any(|path| is_named("/phones/{number}/send", path)));
    assert!(!named.iter().any(|path| is_named("/chat/pin", path)));
    assert!(!named.iter().any(|path| is_named("/webhooks/{id}", path)));
}
