//! Linking a device.

use serde::Serialize;
use serde_json::Value;

/// A QR code to scan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Qr {
    /// The text to draw.
    pub code: String,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Paired {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "LID")]
    pub lid: String,
    #[serde(rename = "BusinessName")]
    pub business_name: String,
    #[serde(rename = "Platform")]
    pub platform: String,
    /// Only of a `PairError`.
    #[serde(rename = "Error", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A code to enter on the phone.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PairingCode {
    pub code: String,
    /// Seconds.
    pub expires_in: u64,
}

/// The code that was shown is no longer valid.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PairingCodeRefresh {
    /// WhatsApp wants a person to ask for the next one.
    pub force_manual: bool,
}

/// WhatsApp wants a passkey before it links the device.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyRequest {
    /// WebAuthn's `PublicKeyCredentialRequestOptions`.
    pub public_key: Value,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyConfirmation {
    pub code: String,
    /// The code need not be shown to anybody.
    #[serde(rename = "SkipHandoffUX")]
    pub skip_handoff_ux: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyError {
    pub error: String,
    /// It failed after the first step.
    pub continuation: bool,
}
