//! `/server/*`.

use serde::Serialize;

/// `GET /server/ok`: the process answers.
#[derive(Debug, Serialize)]
pub struct Alive {
    pub details: &'static str,
    pub version: &'static str,
}

/// `GET /server/ready`: requests can be served now.
#[derive(Debug, Serialize)]
pub struct Ready {
    pub details: &'static str,
    pub database: &'static str,
}
