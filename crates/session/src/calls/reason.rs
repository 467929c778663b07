//! Why calls are over, as `/call/status` and the events say it.

/// Ended from here.
pub const HANGUP: &str = "hangup";
/// Ended from the other end: before it was answered, if it was made there.
pub const REMOTE_HANGUP: &str = "remote_hangup";
/// Declined, here or there.
pub const REJECTED: &str = "rejected";
/// Declined here, by the session's settings.
pub const AUTO_REJECTED: &str = "auto_rejected";
/// The other end is in a call.
pub const BUSY: &str = "busy";
/// It rang there, and nobody took it.
pub const TIMEOUT: &str = "timeout";
/// It rang here, and nobody took it.
pub const MISSED: &str = "missed";
/// Another device of the account took it.
pub const ACCEPTED_ELSEWHERE: &str = "accepted_elsewhere";
/// Another device of the account declined it.
pub const REJECTED_ELSEWHERE: &str = "rejected_elsewhere";
/// WhatsApp did not let it through.
pub const REFUSED: &str = "refused";
/// The other end speaks no codec that this build does.
pub const AUDIO_FORMAT: &str = "audio_format";
/// The sound could not be connected, or was lost.
pub const MEDIA_FAILED: &str = "media_failed";
/// The session lost its connection to WhatsApp, or was stopped.
pub const DISCONNECTED: &str = "disconnected";
