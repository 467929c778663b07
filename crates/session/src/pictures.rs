//! Profile pictures: those of others and of groups looked at, the own one changed.

use std::io::{BufReader, Seek as _};

use wacore::iq::{
    contacts::{ProfilePictureSpec, ProfilePictureType},
    spec::IqSpec as _,
};
use wacore_binary::{Jid, JidExt as _, NodeRef};
use wago_contract::user::{AskAvatar, Avatar};
use wago_store::SessionId;
use whatsapp_rust::IqError;

use crate::{
    Error, File, Result, Sessions, adapter::error, recipients::answered, sessions::invalid_phone, supervisor::Live,
};

impl Sessions {
    /// Where the picture of a person or group is. [`Error::NoPicture`] if there is none, [`Error::PictureHidden`] if its
    /// owner does not show it to the account.
    ///
    /// The question is put as a node: the engine's own call does not tell these apart, nor a picture that is as it was.
    pub async fn avatar(&self, id: SessionId, ask: AskAvatar) -> Result<Avatar> {
        self.over(id, |live| async move {
            let jid = self.resolve(&live, &ask.phone).await?;
            if !(jid.is_pn() || jid.is_lid() || jid.is_group()) {
                return Err(invalid_phone("should be a person or a group".to_owned()));
            }
            answered(avatar(&live, &jid, ask)).await
        })
        .await
    }

    /// Sets the own picture, whatever kind of picture it is. Returns its id.
    pub async fn set_picture(&self, id: SessionId, file: File) -> Result<String> {
        self.over(id, |live| async move {
            let jpeg = profile_jpeg(&live, file).await?;
            let set = answered(async { live.client.profile().set_profile_picture(jpeg).await.map_err(refused) });
            Ok(set.await?.id)
        })
        .await
    }

    pub async fn remove_picture(&self, id: SessionId) -> Result<()> {
        self.over(id, |live| async move {
            answered(async { live.client.profile().remove_profile_picture().await.map_err(refused) }).await?;
            Ok(())
        })
        .await
    }
}

fn refused(failed: impl whatsapp_rust::ErrorChainExt) -> Error {
    error::any(&failed)
}

/// A picture as WhatsApp takes it for a profile.
pub(crate) async fn profile_jpeg(live: &Live, mut file: File) -> Result<Vec<u8>> {
    // Conversions take all of a core each. Those that wait are bounded by the requests that carry files.
    let _turn = live.conversions.acquire().await.expect("the semaphore is never closed");
    let convert = move || {
        let field = file.field.clone();
        let unreadable = || Error::Internal("a file could not be read back".to_owned());
        file.content.rewind().map_err(|_| unreadable())?;
        wago_media::profile_picture(BufReader::new(&mut file.content)).map_err(|error| match error {
            wago_media::Error::Io(_) => unreadable(),
            wago_media::Error::NotAnImage => {
                Error::File { field, reason: "should be a JPEG, PNG, WebP or GIF picture".to_owned() }
            }
            error => Error::File { field, reason: format!("cannot be used: {error}") },
        })
    };
    let converted = tokio::task::spawn_blocking(convert).await;
    converted.map_err(|_| Error::Internal("a picture could not be converted".to_owned()))?
}

async fn avatar(live: &Live, jid: &Jid, ask: AskAvatar) -> Result<Avatar> {
    let kind = if ask.preview { ProfilePictureType::Preview } else { ProfilePictureType::Full };
    let mut spec = ProfilePictureSpec::new(jid, kind);
    spec.existing_id = ask.known;
    spec.tc_token = token(live, jid).await;
    let known = spec.existing_id.clone().unwrap_or_default();
    let unchanged = || Avatar { id: known.clone(), kind: kind.as_str(), unchanged: true, ..Avatar::default() };
    let answer = match live.client.send_iq(spec.build_iq()).await {
        Ok(answer) => answer,
        Err(IqError::ServerError { code: 304, .. }) => return Ok(unchanged()),
        Err(failed) => return Err(missing(error::any(&failed))),
    };
    let Some(picture) = answer.get().get_optional_child("picture") else { return Ok(unchanged()) };
    if let Some(refusal) = picture.get_optional_child("error") {
        let code = refusal.attrs().optional_u64("code").and_then(|code| code.try_into().ok()).unwrap_or(0);
        return Err(missing(Error::Rejected { code, text: word(refusal, "text") }));
    }
    if picture.get_attr("url").is_none() {
        return Ok(unchanged());
    }
    Ok(Avatar {
        id: word(picture, "id"),
        url: word(picture, "url"),
        kind: kind.as_str(),
        direct_path: word(picture, "direct_path"),
        hash: word(picture, "hash"),
        unchanged: false,
    })
}

fn word(node: &NodeRef<'_>, name: &str) -> String {
    node.attrs().optional_string(name).map(|word| word.into_owned()).unwrap_or_default()
}

fn missing(error: Error) -> Error {
    match error {
        Error::Rejected { code: 404, .. } => Error::NoPicture,
        Error::Rejected { code: 401 | 403, .. } => Error::PictureHidden,
        error => error,
    }
}

/// By which a person knows the account again whom it shows its picture. The own picture is never asked for with one, nor
/// a group's.
async fn token(live: &Live, jid: &Jid) -> Option<Vec<u8>> {
    let own = [live.client.pn(), live.client.lid()];
    if jid.is_group() || own.iter().flatten().any(|own| own.is_same_user_as(jid)) {
        return None;
    }
    let lid = match live.client.get_lid_pn_entry(jid).await {
        Ok(Some(entry)) => entry.lid.to_string(),
        _ => jid.user.to_string(),
    };
    // Read in a task of its own: the engine's other reads share the pool.
    let client = live.client.clone();
    let read = tokio::spawn(async move { client.tc_token().get(&lid).await });
    let token = read.await.ok()?.ok().flatten()?.token;
    (!token.is_empty()).then_some(token)
}
