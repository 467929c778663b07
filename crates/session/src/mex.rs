//! GraphQL questions, by the documents that WhatsApp has stored for them.
//!
//! The answers are read here: the engine's own call drops WhatsApp's codes.

use serde_json::Value;
use wacore::iq::{
    mex::{MexDoc, MexQuerySpec},
    spec::IqSpec as _,
};
use wacore_binary::NodeContentRef;

use crate::{Error, Result, adapter::error, recipients::answered, supervisor::Live};

/// Characters of what WhatsApp says of a refusal.
const TEXT_MAX: usize = 200;

/// A question's stored document, and where its answer is.
pub(crate) struct Document {
    pub name: &'static str,
    pub id: &'static str,
    pub answer: &'static str,
}

/// Constants for the engine's operations, each with the place of its answer.
macro_rules! documents {
    ($($constant:ident = $operation:ident, $answer:literal;)*) => {
        $(const $constant: $crate::mex::Document =
            $crate::mex::Document { name: $operation::NAME, id: $operation::DOC_ID, answer: $answer };)*
    };
}
pub(crate) use documents;

/// Why a question was not answered. The codes of what is behind WhatsApp's own servers are larger than theirs.
pub(crate) struct Refusal {
    pub code: Option<u64>,
    text: String,
}

impl From<Refusal> for Error {
    fn from(Refusal { code, text }: Refusal) -> Self {
        match code.map(u16::try_from) {
            Some(Ok(code)) => Self::Rejected { code, text },
            Some(Err(_)) => {
                Self::Rejected { code: 500, text: format!("{text} (GraphQL code {})", code.unwrap_or_default()) }
            }
            None => Self::Rejected { code: 500, text },
        }
    }
}

/// The answer; `null` if WhatsApp knows nothing of what was asked for.
pub(crate) async fn ask(live: &Live, document: &Document, variables: Value) -> Result<Result<Value, Refusal>> {
    let Document { name, id, answer } = document;
    let spec = MexQuerySpec::new(MexDoc { name, id }, &variables);
    let spec = spec.map_err(|_| Error::Internal("a question could not be written".to_owned()))?;
    let asked = answered(async { live.client.send_iq(spec.build_iq()).await.map_err(|failed| error::any(&failed)) });
    let told = asked.await?;
    let result = told.get().get_optional_child("result").ok_or_else(unread)?;
    let told: Value = match result.content.as_ref() {
        Some(NodeContentRef::Bytes(bytes)) => serde_json::from_slice(bytes).map_err(|_| unread())?,
        Some(NodeContentRef::String(text)) => serde_json::from_str(text).map_err(|_| unread())?,
        _ => return Err(unread()),
    };
    Ok(match refusal(&told) {
        Some(refusal) => Err(refusal),
        None => Ok(told["data"][*answer].clone()),
    })
}

fn refusal(told: &Value) -> Option<Refusal> {
    let refusal = told["errors"].as_array()?.first()?;
    let code = refusal["extensions"]["error_code"].as_u64().or_else(|| refusal["code"].as_u64());
    let text = refusal["message"].as_str().unwrap_or_default().chars().take(TEXT_MAX).collect();
    Some(Refusal { code, text })
}

fn unread() -> Error {
    Error::Internal("WhatsApp's answer to a GraphQL question could not be read".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(told: Value) -> Option<(Option<u64>, String)> {
        let refusal = refusal(&told)?;
        Some((refusal.code, Error::from(refusal).to_string()))
    }

    #[test]
    fn a_refusal_has_its_code() {
        assert_eq!(refused(json!({"data": {}, "errors": []})), None);
        let told = json!({"errors": [{"message": "Forbidden", "extensions": {"error_code": 403}}]});
        assert_eq!(refused(told), Some((Some(403), "WhatsApp refused: Forbidden (code 403)".to_owned())));
        let told = json!({"errors": [{"message": "No product", "code": 2_498_052}]});
        let said = "WhatsApp refused: No product (GraphQL code 2498052) (code 500)".to_owned();
        assert_eq!(refused(told), Some((Some(2_498_052), said)));
        let told = json!({"errors": [{"message": "x".repeat(300)}]});
        assert_eq!(refused(told), Some((None, format!("WhatsApp refused: {} (code 500)", "x".repeat(200)))));
    }
}
