//! A device of the account could not fetch a file, and asks the phone to upload its copy again.

use buffa::Message as _;
use rand::RngExt as _;
use wacore::{crypto::hkdf_sha256_into, media_retry::decrypt_media_retry_notification};
use wacore_binary::{Node, builder::NodeBuilder};
use wacore_libsignal::crypto::aes_256_gcm_encrypt;
use waproto::whatsapp::{self as wa, media_retry_notification::ResultType};

use super::{
    Handset,
    chat::Chat,
    files::{self, Stored},
};
use crate::{
    device::DeviceId,
    media,
    stanza::read::{Read as _, node},
    state::State,
};

/// What is derived from a file's key, for this question and its answer.
const KEY_INFO: &[u8] = b"WhatsApp Media Retry Notification";
/// What a phone says, beside the answer that it cannot seal without knowing the file's key.
const NOT_FOUND: u8 = 2;
const UNREADABLE: u8 = 3;

/// Uploads the file of the message that the receipt names, if the phone has both, and says where it is.
pub(super) fn answer(phone: &mut Handset, state: &mut State, receipt: &Node) {
    // Without what names the message, it is about a history, which is not kept.
    let (Some(id), Some(about)) = (receipt.text("id"), receipt.child("rmr")) else { return };
    let Some(device) = receipt.jid("from").and_then(|from| state.device_of(&from)) else { return };
    let said = match file(phone, state, &id, about) {
        None => error(NOT_FOUND),
        Some(file) if !asks(receipt, &file, &id) => error(UNREADABLE),
        Some(file) => {
            let path = upload(state, &file);
            state.counters.count(if path.is_some() { "phone uploaded a file again" } else { "phone has no such file" });
            sealed(&file, &id, path)
        }
    };
    tell(state, device, &id, about, said);
}

fn error(code: u8) -> NodeBuilder {
    node("error").attr("code", u32::from(code))
}

/// The file of the phone's message with this id in the chat that is named.
fn file(phone: &Handset, state: &State, id: &str, about: &Node) -> Option<Stored> {
    let chat = about.jid("jid").and_then(|jid| Chat::of(state, &jid))?;
    let entry = phone.messages.by_id(id).filter(|entry| entry.message.chat == chat.name())?;
    files::stored(&entry.raw)?.ok()
}

/// Whether who asks has the file's key, and means this message.
fn asks(receipt: &Node, file: &Stored, id: &str) -> bool {
    let Some(sealed) = receipt.child("encrypt") else { return false };
    let part = |tag: &str| sealed.child(tag).map(|part| part.content()).unwrap_or_default();
    // The question is sealed as its answer is.
    decrypt_media_retry_notification(&file.key, id, &part("enc_iv"), &part("enc_p"))
        .ok()
        .and_then(|plain| wa::ServerErrorReceipt::decode_from_slice(&plain).ok())
        .is_some_and(|asked| asked.stanza_id.as_deref() == Some(id))
}

/// Where the file is from now on. `None`: the phone has it no more.
fn upload(state: &mut State, file: &Stored) -> Option<String> {
    let restored = state.media.restore(file.hash).unwrap_or_else(|error| {
        tracing::error!(%error, "a phone could not upload a file again");
        false
    });
    restored.then(|| format!("{}&oh={}", media::direct_path(file.codec.mms_type(), file.hash), state.random_id()))
}

fn sealed(file: &Stored, id: &str, path: Option<String>) -> NodeBuilder {
    let result = if path.is_some() { ResultType::SUCCESS } else { ResultType::NOT_FOUND };
    let answer = wa::MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: path,
        result: Some(result),
        ..Default::default()
    };
    let (mut key, iv, mut bytes) = ([0; 32], rand::rng().random::<[u8; 12]>(), Vec::new());
    let sealed = hkdf_sha256_into(&file.key, None, KEY_INFO, &mut key).is_ok()
        && aes_256_gcm_encrypt(&key, &iv, id.as_bytes(), &answer.encode_to_vec(), &mut bytes).is_ok();
    if !sealed {
        return error(UNREADABLE);
    }
    node("encrypt").children([node("enc_p").bytes(bytes).build(), node("enc_iv").bytes(iv).build()])
}

fn tell(state: &mut State, device: DeviceId, id: &str, about: &Node, said: NodeBuilder) {
    let from = DeviceId::phone(device.number).jid();
    let notification = node("notification")
        .attr("from", from)
        .attr("type", "mediaretry")
        .attr("id", id)
        .attr("t", crate::now())
        .children([about.clone(), said.build()]);
    state.deliver(device, notification.build());
}

#[cfg(test)]
mod tests {
    use wacore::media_retry::{
        MediaRetryResult, build_media_retry_receipt, encrypt_media_retry_receipt, parse_media_retry_notification,
    };
    use wacore_binary::Jid;
    use wago_contract::phone as shape;

    use super::*;
    use crate::{
        account::Number,
        journal::{Journal, Tables},
        media::Hash,
        phone::{self, outbound},
        stanza,
    };

    const ALICE: &str = "15550000001";
    const BOB: &str = "15550000002";

    /// Bob's phone has a file for Alice's, which has a linked device.
    struct World {
        state: State,
        device: DeviceId,
        id: String,
        file: Stored,
    }

    impl World {
        fn start() -> Self {
            let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
            let number = |text| Number::parse(text).unwrap();
            for text in [ALICE, BOB] {
                phone::create(&mut state, text, text).unwrap();
                phone::answer_all(&mut state);
            }
            let device = DeviceId { number: number(ALICE), device: 1 };
            let like = state.devices[&DeviceId::phone(number(BOB))].clone();
            state.add_device(device, like);
            let mut request = shape::Send {
                to: Some(ALICE.to_owned()),
                document: Some("data:text/plain;base64,aGVsbG8=".to_owned()),
                ..Default::default()
            };
            let sealed = files::pick(&mut request).unwrap().unwrap().seal(&state.media).unwrap();
            let sent = phone::with(&mut state, number(BOB), |phone, state| {
                outbound::send(phone, state, request, Some(sealed))
            });
            let id = sent.unwrap().unwrap();
            phone::answer_all(&mut state);
            let raw = &state.phones.get(number(ALICE)).unwrap().messages.by_id(&id).unwrap().raw;
            let file = files::stored(raw).unwrap().unwrap();
            Self { state, device, id, file }
        }

        /// What the device is told when it asks for this file of this message.
        fn ask(&mut self, key: &[u8], id: &str) -> MediaRetryResult {
            let (sealed, iv) = encrypt_media_retry_receipt(key, id).unwrap();
            let (own, chat) = (Jid::pn(ALICE), Jid::pn(BOB));
            let receipt = build_media_retry_receipt(&own, id, &chat, false, None, &sealed, &iv);
            stanza::receive(&mut self.state, self.device, receipt);
            phone::answer_all(&mut self.state);
            let queue = self.state.queues.get_mut(&self.device).unwrap();
            let told = queue.hand_out(usize::MAX).pop().expect("an answer");
            assert_eq!(told.child("rmr").and_then(|about| about.text("jid")), Some(chat.to_string()));
            parse_media_retry_notification(&told.as_node_ref(), key).unwrap()
        }
    }

    #[test]
    fn a_file_that_has_expired_is_uploaded_again() {
        let mut world = World::start();
        let (key, id, hash) = (world.file.key.clone(), world.id.clone(), world.file.hash);
        world.state.media.expire(hash).unwrap();
        assert!(world.file.fetch(&world.state.media).is_err());
        let MediaRetryResult::Success { direct_path } = world.ask(&key, &id) else { panic!("no success") };
        assert_eq!(Hash::of_path(&direct_path), Some(hash));
        world.file.fetch(&world.state.media).unwrap();
    }

    #[test]
    fn what_the_phone_does_not_have_is_not_found() {
        let mut world = World::start();
        let (key, id) = (world.file.key.clone(), world.id.clone());
        assert!(matches!(world.ask(&key, "3EB0OTHER"), MediaRetryResult::NotFound));
        assert!(matches!(world.ask(&[7; 32], &id), MediaRetryResult::DecryptionError));
        world.state.media.lose(world.file.hash).unwrap();
        assert!(matches!(world.ask(&key, &id), MediaRetryResult::NotFound));
    }
}
