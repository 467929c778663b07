//! Steps of linking a device that are only told.

use serde_json::Value;
use wacore::types::events::Event;
use wago_contract::event;

use crate::record::Record;

/// A pairing code as phones show it: `ABCD-EFGH`.
pub fn dashed(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((first, second)) if !code.contains('-') => format!("{first}-{second}"),
        _ => code.to_owned(),
    }
}

/// What a passkey is asked for; what is no JSON is told as the text it is.
pub fn options(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}

pub fn step(event: &Event) -> Option<Record> {
    Some(match event {
        Event::PairingCode(code) => Record::new(
            "PairingCode",
            &event::PairingCode { code: dashed(&code.code), expires_in: code.timeout.as_secs() },
        ),
        Event::PairingCodeRefresh(refresh) => {
            Record::new("PairingCodeRefresh", &event::PairingCodeRefresh { force_manual: refresh.force_manual })
        }
        // The engine's text may name the phone number.
        Event::PairingCodeError(failed) => Record::new(
            "PairError",
            &event::Paired {
                id: String::new(),
                lid: String::new(),
                business_name: String::new(),
                platform: String::new(),
                error: Some(match &failed.rejection {
                    Some(refused) => format!("WhatsApp refused the pairing code ({})", refused.code()),
                    None => "the pairing code failed".to_owned(),
                }),
            },
        ),
        Event::QrScannedWithoutMultidevice(_) => Record::new("QRScannedWithoutMultidevice", &event::Nothing {}),
        Event::PairPasskeyRequest(request) => {
            Record::new("PasskeyRequest", &event::PasskeyRequest { public_key: options(&request.request_options_json) })
        }
        Event::PairPasskeyConfirmation(step) => Record::new(
            "PasskeyConfirmation",
            &event::PasskeyConfirmation { code: step.code.clone(), skip_handoff_ux: step.skip_handoff_ux },
        ),
        _ => return None,
    })
}
