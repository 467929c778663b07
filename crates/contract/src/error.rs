//! The stable names of what can go wrong.

use serde::{Deserialize, Serialize};

/// `errorCode` in a failed reply. A name, once published, keeps its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The body is not UTF-8, not JSON, or not a JSON object.
    InvalidPayload,
    MissingField,
    InvalidField,
    InvalidToken,
    InvalidAdminToken,
    UnknownRoute,
    /// No event, webhook or other thing of the session has this id.
    NotFound,
    /// The session has as many of these as it may have.
    TooMany,
    MethodNotAllowed,
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// `Idempotency-Key` was used with another body.
    IdempotencyMismatch,
    /// A request with the same `Idempotency-Key` is being worked on.
    IdempotencyInProgress,
    TokenOrNameTaken,
    NoSession,
    NotLoggedIn,
    AlreadyLoggedIn,
    /// No passkey, or no confirmation of one, is asked for now.
    PasskeyNotAsked,
    /// A passkey has to be shown before there is another QR code.
    PasskeyAwaited,
    NotOnWhatsapp,
    /// The person or group has no profile picture.
    NoPicture,
    /// The person does not show its picture to the account.
    PictureHidden,
    /// WhatsApp does not have the file any more.
    MediaGone,
    /// It is being fetched from WhatsApp, and will be there soon.
    FileNotReady,
    /// The socket to WhatsApp is down; the gateway is at work on it.
    NotConnected,
    WhatsappRefused,
    WhatsappTimeout,
    /// The gateway itself took too long.
    Timeout,
    /// More requests than the gateway takes at once.
    Overloaded,
    ShuttingDown,
    /// There is no such message or queued send, or nothing is known of it.
    UnknownMessage,
    /// WhatsApp has no such group.
    UnknownGroup,
    /// WhatsApp has no such newsletter.
    UnknownNewsletter,
    /// The account is no business, or has no catalogue.
    NotABusiness,
    /// The business has no such product.
    UnknownProduct,
    /// There is no such call of the session.
    UnknownCall,
    /// The call does not ring, was not answered yet, or is over.
    CallState,
    /// The sound of the call could not be connected.
    CallMediaFailed,
    /// WhatsApp does not let linked devices do this.
    NotOffered,
    /// The `Id` of a queued send is another's.
    MessageIdTaken,
    /// A queued send is being sent, or is not waiting any more.
    NotWaiting,
    /// More sends wait than a session may have.
    QueueFull,
    /// Messages are kept only with the flag `-storemessage`.
    MessagesNotStored,
    StorageFailed,
    Internal,
}
