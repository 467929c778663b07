use std::time::Duration;

use wacore::{
    pair_code::PairCodeRejection,
    types::events::{
        OfflineSyncCompleted, OfflineSyncPreview, PairPasskeyConfirmation, PairPasskeyRequest, PairingCode,
        PairingCodeError, PairingCodeRefresh, QrScannedWithoutMultidevice, StreamError,
    },
};

use super::*;

fn plain(kind: &str, event: Value) -> Value {
    record(kind, kind, "", None, event)
}

#[test]
fn what_waited() {
    let preview = OfflineSyncPreview::builder()
        .total(12)
        .app_data_changes(1)
        .messages(8)
        .notifications(1)
        .receipts(2)
        .calls(0)
        .statuses(0)
        .build();
    assert_eq!(
        told(Event::OfflineSyncPreview(preview)),
        plain(
            "OfflineSyncPreview",
            json!({"Total": 12, "AppDataChanges": 1, "Messages": 8, "Notifications": 1, "Receipts": 2}),
        )
    );
    let done = OfflineSyncCompleted::builder().count(12).build();
    assert_eq!(told(Event::OfflineSyncCompleted(done)), plain("OfflineSyncCompleted", json!({"Count": 12})));
}

#[test]
fn a_stream_error() {
    let error = StreamError::builder().code("503".into()).build();
    assert_eq!(told(Event::StreamError(error)), plain("StreamError", json!({"Reason": "503"})));
}

#[test]
fn pairing_codes() {
    let code = PairingCode::builder().code("ABCDEFGH".into()).timeout(Duration::from_secs(180)).build();
    assert_eq!(told(Event::PairingCode(code)), plain("PairingCode", json!({"Code": "ABCD-EFGH", "ExpiresIn": 180})));
    let refresh = PairingCodeRefresh::builder().force_manual(true).build();
    assert_eq!(told(Event::PairingCodeRefresh(refresh)), plain("PairingCodeRefresh", json!({"ForceManual": true})));
    let failed = PairingCodeError::builder()
        .rejection(PairCodeRejection::RateOverlimit)
        .error("what names 5511999999999".into())
        .build();
    assert_eq!(
        told(Event::PairingCodeError(failed)),
        plain(
            "PairError",
            json!({
                "ID": "",
                "LID": "",
                "BusinessName": "",
                "Platform": "",
                "Error": "WhatsApp refused the pairing code (429)",
            }),
        )
    );
    let scanned = QrScannedWithoutMultidevice::builder().build();
    assert_eq!(told(Event::QrScannedWithoutMultidevice(scanned)), plain("QRScannedWithoutMultidevice", json!({})));
}

#[test]
fn passkeys() {
    let request = |text: &str| {
        let request = PairPasskeyRequest::builder().request_options_json(text.to_owned()).build();
        told(Event::PairPasskeyRequest(request))
    };
    assert_eq!(request(r#"{"challenge":"YQ"}"#), plain("PasskeyRequest", json!({"PublicKey": {"challenge": "YQ"}})));
    assert_eq!(request("not JSON"), plain("PasskeyRequest", json!({"PublicKey": "not JSON"})));
    let step = PairPasskeyConfirmation::builder().code("ABCD-EFGH".into()).skip_handoff_ux(false).build();
    assert_eq!(
        told(Event::PairPasskeyConfirmation(step)),
        plain("PasskeyConfirmation", json!({"Code": "ABCD-EFGH", "SkipHandoffUX": false}))
    );
}
