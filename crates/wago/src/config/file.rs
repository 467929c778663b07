//! `wago.toml`: one key for each setting.

use std::{collections::BTreeMap, path::Path};

use toml::{Table, Value};

use super::{
    Problems,
    setting::{SETTINGS, Shape, setting},
};

/// What the file says, as a flag would have it written.
pub fn read(path: &Path, text: &str) -> Result<BTreeMap<&'static str, String>, Problems> {
    let shown = path.display();
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        // Its message alone, without the line that it stands in, which may hold a secret.
        let line = error.span().map_or(0, |span| text.bytes().take(span.start).filter(|&b| b == b'\n').count()) + 1;
        Problems(vec![format!("{shown}, line {line}: {}", error.message())])
    })?;
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (key, value) in table {
        let Some(setting) = setting(&key) else {
            problems.push(format!("{shown}: {key:?} is not a setting; the nearest is {:?}", nearest(&key)));
            continue;
        };
        match (setting.shape, value) {
            (Shape::Bool, Value::Boolean(value)) => {
                values.insert(setting.key, value.to_string());
            }
            (Shape::Value(_), Value::String(value)) => {
                values.insert(setting.key, value);
            }
            (Shape::Value(_), Value::Integer(value)) => {
                values.insert(setting.key, value.to_string());
            }
            (Shape::Bool, _) => problems.push(format!("{shown}: {key} must be true or false")),
            (Shape::Value(_), _) => {
                problems.push(format!("{shown}: {key} must be a string or a whole number"));
            }
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(Problems(problems)) }
}

fn nearest(key: &str) -> &'static str {
    SETTINGS.iter().map(|setting| setting.key).min_by_key(|known| distance(key, known)).expect("the table is not empty")
}

/// How many characters must be inserted, removed or replaced (Levenshtein), one row of the table at a time.
fn distance(from: &str, to: &str) -> usize {
    // No key is longer, so what comes after cannot make another one nearer.
    const COMPARED_MAX: usize = 64;
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().take(COMPARED_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<&'static str, String>, String> {
        read("wago.toml".as_ref(), text).map_err(|problems| problems.to_string())
    }

    #[test]
    fn values_are_as_a_flag_would_have_them() {
        let values = read_text("port = 80\ndata = '/srv'\nconnectstartup = false").unwrap();
        assert_eq!(values["port"], "80");
        assert_eq!(values["data"], "/srv");
        assert_eq!(values["connectstartup"], "false");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("admin_token = 'x'", r#"wago.toml: "admin_token" is not a setting; the nearest is "admintoken""#),
            ("sandbox_port = 1", r#"wago.toml: "sandbox_port" is not a setting; the nearest is "sandbox-port""#),
            ("connectstartup = 'yes'", "wago.toml: connectstartup must be true or false"),
            ("port = 1.5", "wago.toml: port must be a string or a whole number"),
            ("[server]\nport = 1", r#"wago.toml: "server" is not a setting; the nearest is "seed""#),
        ] {
            assert_eq!(read_text(text).unwrap_err(), said);
        }
    }

    #[test]
    fn a_broken_line_is_named_and_not_quoted() {
        let said = read_text("port = 80\nadmintoken = hunter2-hunter2\n").unwrap_err();
        assert!(said.starts_with("wago.toml, line 2: "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn distance_counts_changes() {
        for (from, to, changes) in [("port", "port", 0), ("prot", "port", 2), ("", "port", 4), ("ports", "port", 1)] {
            assert_eq!(distance(from, to), changes, "{from} {to}");
        }
    }
}
