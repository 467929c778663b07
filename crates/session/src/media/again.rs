//! Asking the phone to upload a file again that WhatsApp has no more.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wacore_binary::Jid;
use wago_store::SessionId;
use whatsapp_rust::{MediaRetryResult, MediaReuploadError, MediaReuploadRequest};

use super::fetch::{EXPIRED, Failure};
use crate::{Error, Sessions};

const UNASKED: &str = "the file has expired at WhatsApp, and the session is not connected to ask its phone for it";

/// The message that brought a file, as the session's phone knows it.
#[derive(Serialize, Deserialize, Clone)]
pub struct Origin {
    pub id: String,
    /// JID.
    pub chat: String,
    /// Who wrote it, where that does not follow from the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    #[serde(default)]
    pub from_me: bool,
}

/// The phones of the sessions.
#[async_trait]
pub(crate) trait Phones: Send + Sync {
    /// Where the file is from now on: a path below the media hosts. Takes at most about 40 seconds.
    async fn upload_again(&self, session: SessionId, origin: &Origin, key: &[u8]) -> Result<String, Failure>;
}

#[async_trait]
impl Phones for Sessions {
    async fn upload_again(&self, session: SessionId, origin: &Origin, key: &[u8]) -> Result<String, Failure> {
        let jid = |text: &str| text.parse::<Jid>().map_err(|_| Failure::Final(EXPIRED));
        let chat = jid(&origin.chat)?;
        let sender = origin.sender.as_deref().map(jid).transpose()?;
        let asked = self.over(session, |live| async move {
            let request = MediaReuploadRequest {
                msg_id: &origin.id,
                chat_jid: &chat,
                media_key: key,
                is_from_me: origin.from_me,
                participant: sender.as_ref(),
            };
            Ok(live.client.media_reupload().request(&request).await)
        });
        match asked.await {
            Ok(Ok(MediaRetryResult::Success { direct_path })) if direct_path.starts_with('/') => Ok(direct_path),
            Ok(Ok(MediaRetryResult::NotFound)) => {
                Err(Failure::Final("the file has expired at WhatsApp, and the phone does not have it any more"))
            }
            Ok(Err(MediaReuploadError::Timeout)) => {
                Err(Failure::Final("the file has expired at WhatsApp, and the phone did not answer"))
            }
            Ok(Err(MediaReuploadError::Client(_) | MediaReuploadError::NotLoggedIn)) => {
                Err(Failure::Passing(UNASKED.to_owned()))
            }
            Ok(Ok(_) | Err(_)) => {
                Err(Failure::Final("the file has expired at WhatsApp, and the phone could not upload it again"))
            }
            Err(Error::NotLoggedIn) => Err(Failure::Final(EXPIRED)),
            Err(_) => Err(Failure::Passing(UNASKED.to_owned())),
        }
    }
}
