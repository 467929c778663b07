//! What every reply is wrapped in. The order of the members is WaGo's.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;

/// `{"code":200,"data":…,"success":true}`
#[derive(Debug, Serialize)]
pub struct Success<T> {
    pub code: u16,
    pub data: T,
    pub success: bool,
}

impl<T> Success<T> {
    pub fn new(data: T) -> Self {
        Self { code: 200, data, success: true }
    }
}

/// The same, and the members of `data` beside it: some of WaGo's replies are documented without an envelope, and its clients
/// read either.
#[derive(Debug, Serialize)]
pub struct Twice<'a, T> {
    #[serde(flatten)]
    envelope: Success<&'a T>,
    #[serde(flatten)]
    bare: &'a T,
}

impl<'a, T> Twice<'a, T> {
    pub fn new(data: &'a T) -> Self {
        Self { envelope: Success::new(data), bare: data }
    }
}

/// `{"code":N,"error":"…","success":false}` as WaGo has it, then what a program can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The HTTP status.
    pub code: u16,
    /// A sentence for a person.
    pub error: String,
    pub success: bool,
    #[serde(rename = "errorCode")]
    pub error_code: ErrorCode,
    /// The field, header or parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The same request may succeed later.
    pub retryable: bool,
    /// Also the `x-request-id` header of the reply.
    #[serde(rename = "requestId")]
    pub request_id: String,
}
