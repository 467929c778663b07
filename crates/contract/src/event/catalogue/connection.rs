//! The session's connection, its linking, and its webhooks.

use serde_json::json;

use super::{Entry, OWN, entry, never, s};
use crate::event::{
    LoggedOut, Nothing, OfflineSyncCompleted, OfflineSyncPreview, Paired, PairingCode, PairingCodeRefresh,
    PasskeyConfirmation, PasskeyError, PasskeyRequest, Qr, Reason, TemporaryBan, WebhookPaused,
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("Connected", "The session is logged in and can send.", Nothing {}),
        entry(
            "Disconnected",
            "The session's connection ended. WaGo comes back by itself unless somebody disconnected the session.",
            Reason { reason: s("WhatsApp closed the connection") },
        ),
        entry(
            "ConnectFailure",
            "WhatsApp refuses the session for a reason that has no type of its own.",
            Reason { reason: s("code 409") },
        ),
        entry(
            "LoggedOut",
            "The device was unlinked: by the phone, by WhatsApp, or on request. Its keys are gone, and it has to be linked \
             again. `OnConnect` if WhatsApp said so when the session connected.",
            LoggedOut { on_connect: false, reason: s("the device was removed in the phone's list of linked devices") },
        ),
        entry(
            "StreamReplaced",
            "Somebody else connected with the same keys. WaGo does not fight for the connection.",
            Nothing {},
        ),
        entry("StreamError", "WhatsApp ended the stream with a code.", Reason { reason: s("503") }),
        entry(
            "TemporaryBan",
            "WhatsApp banned the account for some time. `Until` is in Unix seconds.",
            TemporaryBan { reason: s("104: you sent the same message to too many people"), until: 1_768_559_400 },
        ),
        entry(
            "ClientOutdated",
            "WhatsApp no longer accepts this version of the protocol: WaGo needs an update.",
            Nothing {},
        ),
        entry(
            "OfflineSyncPreview",
            "The session is back, and WhatsApp says how much has waited for it. `Total` counts more than the rest together.",
            OfflineSyncPreview { total: 12, app_data_changes: 1, messages: 8, notifications: 1, receipts: 2 },
        ),
        entry("OfflineSyncCompleted", "WhatsApp has delivered what had waited.", OfflineSyncCompleted { count: 12 }),
        never(
            "KeepAliveTimeout",
            "Never sent: a connection that no longer answers is ended at once, which `Disconnected` tells.",
        ),
        never("KeepAliveRestored", "Never sent: after a silence there is a new connection, which `Connected` tells."),
        never("CATRefreshError", "Never sent: only Messenger has such tokens."),
        entry(
            "QR",
            "A QR code to scan; the next comes when this one has expired. `Code` is the text to draw, `ExpiresIn` is in \
             seconds.",
            Qr { code: s("2@Yk1vS0pR…,c29tZSBrZXk=,b3RoZXIga2V5,dGhpcmQga2V5"), expires_in: 20 },
        ),
        entry("QRTimeout", "Nobody scanned a code in time. Connect the session again for new ones.", Nothing {}),
        entry(
            "QRScannedWithoutMultidevice",
            "A phone that cannot have linked devices scanned the code. It stays valid for another phone.",
            Nothing {},
        ),
        entry(
            "PairingCode",
            "A code to enter on the phone, as `/session/pair` answered it. `ExpiresIn` is in seconds.",
            PairingCode { code: s("ABCD-EFGH"), expires_in: 180 },
        ),
        entry(
            "PairingCodeRefresh",
            "The code is no longer valid. Ask for another, at once unless WhatsApp wants a person to do so (`ForceManual`).",
            PairingCodeRefresh { force_manual: false },
        ),
        entry("PairSuccess", "The device was linked. The session reconnects, and then is `Connected`.", paired(None)),
        entry(
            "PairError",
            "Linking failed. Where that was before anybody scanned or entered a code, all but `Error` is empty.",
            paired(Some(s("the phone's signature is not valid"))),
        ),
        entry(
            "PasskeyRequest",
            "WhatsApp wants a passkey of the account's owner before it links the device. `PublicKey` is WebAuthn's \
             `PublicKeyCredentialRequestOptions`.",
            PasskeyRequest {
                public_key: json!({"challenge": "c29tZSBieXRlcw", "rpId": "whatsapp.com", "userVerification": "required"}),
            },
        ),
        entry(
            "PasskeyConfirmation",
            "The passkey was accepted. `Code` is to be compared with the phone's, unless `SkipHandoffUX`.",
            PasskeyConfirmation { code: s("ABCD-EFGH"), skip_handoff_ux: false },
        ),
        entry(
            "PairPasskeyError",
            "Linking with a passkey failed: at its first step, or later (`Continuation`).",
            PasskeyError { error: s("the request timed out"), continuation: false },
        ),
        entry(
            "WebhookPaused",
            "A webhook gets nothing more until it is resumed: it answered 410, or failed for too long. Its events wait.",
            WebhookPaused {
                webhook_id: 7,
                url: s("https://example.com/hook"),
                reason: s("the receiver answered 410 Gone"),
                failing_since: s("2026-01-15T10:30:00.000Z"),
            },
        ),
        entry(
            "Test",
            "Sent by `POST /webhooks/{id}/test`, to that webhook alone and whatever it subscribes to. It is not in the log.",
            Nothing {},
        ),
    ]
}

fn paired(error: Option<String>) -> Paired {
    Paired { id: s(OWN), lid: s("100000099999999:3@lid"), business_name: String::new(), platform: s("android"), error }
}
