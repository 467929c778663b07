use serde_json::json;

use crate::api::Api;

const TOKEN: &str = "token";
