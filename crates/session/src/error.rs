/// What a caller can do something about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session is not running: `POST /session/connect` starts it.
    #[error("No session")]
    NoSession,
    #[error("not logged in")]
    NotLoggedIn,
    #[error("Already Logged in")]
    AlreadyLoggedIn,
    /// No passkey, or no confirmation of one, is asked for now.
    #[error("{reason}")]
    PasskeyNotAsked { reason: &'static str },
    #[error(
        "WhatsApp wants a passkey: see GET /session/passkey; POST /session/pair begins anew, and so does a disconnect"
    )]
    PasskeyAwaited,
    /// The socket to WhatsApp is down; the supervisor is at work on it.
    #[error("not connected to WhatsApp: {reason}")]
    NotConnected { reason: String },
    #[error("{reason}")]
    Invalid { field: &'static str, reason: String },
    /// A file cannot be what it is sent as.
    #[error("{field} {reason}")]
    File { field: String, reason: String },
    /// WhatsApp does not have the file any more.
    #[error("WhatsApp has no such file any more")]
    FileGone,
    /// A file of WhatsApp's that is damaged, or of another key.
    #[error("MediaKey does not open the file, or the file is damaged")]
    Sealed,
    /// There is nothing known of the message that is referred to.
    #[error("unknown message")]
    UnknownMessage { field: &'static str },
    #[error("{phone} is not on WhatsApp")]
    NotOnWhatsApp { phone: String },
    #[error("there is no profile picture (code 404)")]
    NoPicture,
    /// Its owner does not show it to the account.
    #[error("the profile picture is not shown to this account (code 401)")]
    PictureHidden,
    #[error("there is no such group (code 404)")]
    UnknownGroup,
    #[error("there is no such newsletter (code 404)")]
    UnknownNewsletter,
    /// The account tells nothing as a business, or sells nothing.
    #[error("the account is no business (code 404)")]
    NotABusiness,
    #[error("the business has no such product")]
    UnknownProduct,
    #[error("there is no call with this CallID")]
    UnknownCall,
    /// Not now, or not any more.
    #[error("{reason}")]
    CallState { reason: &'static str },
    /// There would be no sound.
    #[error("{reason}")]
    CallMedia { reason: &'static str },
    /// WhatsApp said no; its code is in the text.
    #[error("WhatsApp refused: {text} (code {code})")]
    Rejected { code: u16, text: String },
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    #[error("the session is being stopped")]
    Stopping,
    #[error("store: {0}")]
    Store(#[from] wago_store::Error),
    #[error("{0}")]
    Internal(String),
}
