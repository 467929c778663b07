//! Profile pictures, of accounts and of groups. Their bytes lie on the media host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wacore_binary::Jid;

use crate::{
    journal::Tables,
    media::{Hash, Media, Refused},
    phone::picture,
    state::State,
};

const PICTURE: &str = "picture";
/// Bytes of a picture; WhatsApp's clients send far smaller ones.
const BYTES_MAX: usize = 5 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Picture {
    /// Grows with each picture of its owner.
    pub id: u64,
    /// On the media host.
    pub large: String,
    pub small: String,
}

/// By the JID of a number or a group.
#[derive(Default)]
pub(crate) struct Pictures(BTreeMap<String, Picture>);

impl Pictures {
    pub fn restore(tables: &Tables) -> Self {
        let row = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            Some((String::from_utf8(key.clone()).ok()?, serde_json::from_slice(value).ok()?))
        };
        Self(tables.get(PICTURE).into_iter().flatten().filter_map(row).collect())
    }

    pub fn of(&self, jid: &Jid) -> Option<&Picture> {
        self.0.get(&jid.to_string())
    }
}

impl State {
    pub fn keep_picture(&mut self, of: &Jid, picture: Option<Picture>) {
        let key = of.to_string();
        match picture {
            Some(picture) => {
                let value = serde_json::to_vec(&picture).expect("a picture's row is plain data");
                self.journal.put(PICTURE, key.as_bytes(), &value);
                self.pictures.0.insert(key, picture);
            }
            None => {
                self.journal.delete(PICTURE, key.as_bytes());
                self.pictures.0.remove(&key);
            }
        }
    }
}

/// Whether these bytes can be a profile picture.
pub(crate) fn is_fit(bytes: &[u8]) -> bool {
    bytes.len() <= BYTES_MAX && bytes.starts_with(b"\xff\xd8") && picture::size(bytes).is_some()
}

/// Puts it on the media host.
pub(crate) fn put(media: &Media, bytes: &[u8]) -> Result<Hash, Refused> {
    let mut incoming = media.begin().map_err(Refused::Disk)?;
    incoming.write(bytes)?;
    media.finish(incoming, None)
}

/// Where a picture is downloaded from, below the host's name.
pub(crate) fn direct_path(hash: &str) -> String {
    format!("/v/t61.24694-24/{hash}.jpg?ccb=11-4&_nc_sid=5e03e0")
}
