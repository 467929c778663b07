//! Messages, receipts, history.

use serde_json::json;

use super::{ANA, ANA_LID, AT, Entry, NEWSLETTER, entry, full, never, s, topic};
use crate::{
    event::{BotInfo, HistorySync, MediaRetry, MessageEvent, MessageInfo, MetaInfo, Receipt, Source, Undecryptable},
    queue::Failed,
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        topic("All", "Every event of the session, whatever its type. What a new session subscribes to."),
        entry(
            "Message",
            "A message: received, sent by another device of the account, or sent through WaGo (told once WhatsApp has \
             taken it, before the request is answered). Edits, revocations, reactions and poll votes are messages too: \
             `Info.Edit` and the content tell them apart. A vote in a poll that the gateway has seen is opened: beside \
             `event`, `decryptVote` has the SHA-256 of each chosen option in hex, with commas between, and `voteOptions` \
             the options. An order has `orderDetails` there, if WhatsApp says what is in it: \
             `id`, `createdAt`, `products` (each with `id`, `name`, `price`, `currency`, `quantity` and `imageUrl`), and \
             `price` with `subtotal`, `total` and `currency`; prices are in thousandths. `IsFromMe` is true of what the account sent. With a file that a form webhook asked for, the \
             request has it as `file`.",
            message(),
        ),
        entry("Newsletter", "A message in a newsletter (channel). Like `Message`.", newsletter()),
        entry(
            "UndecryptableMessage",
            "A message whose content could not be read: WhatsApp keeps it from linked devices (`IsUnavailable`), or its \
             keys were missing. If it can be read later, it comes as a `Message` with the same ID.",
            Undecryptable {
                info: info(),
                is_unavailable: true,
                unavailable_type: "view_once",
                decrypt_fail_mode: "show",
            },
        ),
        full(
            "ReadReceipt",
            &["Receipt"],
            Some("Read"),
            "What became of messages. `state` is `Delivered`, `Read`, `Played` (of a voice message), `ReadSelf` and \
             `PlayedSelf` (the account did so on another device), `Sender` (another device of the account has it), `Retry` \
             (a device could not read it and asks again, which WaGo answers by itself) or `ServerError` (a file is gone). \
             `Type` is WhatsApp's word for it: empty for delivered, `inactive` for delivered to a device whose screen is \
             off.",
            Receipt {
                source: source(),
                message_ids: vec![s("3EB0C767D097B7C4030D")],
                timestamp: s(AT),
                kind: s("read"),
                message_sender: String::new(),
            },
        ),
        topic("Receipt", "Another name for `ReadReceipt`."),
        entry(
            "QueuedSendFailed",
            "A send that waited in the queue has failed for good: WhatsApp or the recipient refused it, or WhatsApp did \
             not answer in several attempts.",
            Failed {
                id: s("3EB0C767D097B7C4030D"),
                route: s("/send/text"),
                chat: s(ANA),
                send_at: 1_768_472_999,
                attempts: 1,
                error: s("5511999999999 is not on WhatsApp"),
            },
        ),
        entry(
            "MediaRetry",
            "The phone's answer to a request to upload a file again. `Ciphertext` opens with the file's media key; if the \
             phone no longer has the file, `Error` says so.",
            MediaRetry {
                ciphertext: s("b3BlbnMgd2l0aCB0aGUgbWVkaWEga2V5"),
                iv: s("AAECAwQFBgcICQoL"),
                error: None,
                timestamp: s(AT),
                message_id: s("3EB0C767D097B7C4030D"),
                chat_id: s(ANA),
                chat_alt: s(ANA_LID),
                sender_id: String::new(),
                sender_alt: String::new(),
                from_me: false,
            },
        ),
        entry(
            "HistorySync",
            "Chats and messages of before the device was linked, which the phone sends in chunks after linking. A chunk is \
             told in parts of about 512 KiB, and only a session whose own subscription names `HistorySync` or `All` when \
             it connects gets any. WhatsApp does not deliver a chunk again: what a crash or a stop interrupts is lost.",
            HistorySync {
                data: json!({
                    "syncType": 0,
                    "chunkOrder": 1,
                    "progress": 40,
                    "conversations": [{
                        "ID": ANA,
                        "unreadCount": 0,
                        "messages": [{
                            "message": {
                                "key": {"remoteJID": ANA, "fromMe": false, "ID": "3EB0C767D097B7C4030D"},
                                "message": {"conversation": "Good morning"},
                                "messageTimestamp": 1_768_472_999
                            },
                            "msgOrderID": 1
                        }]
                    }]
                }),
                part: 0,
                last_part: false,
            },
        ),
        never("FBMessage", "Never sent: Messenger's messages do not come to a WhatsApp account."),
    ]
}

fn source() -> Source {
    Source {
        chat: s(ANA),
        sender: s(ANA),
        is_from_me: false,
        is_group: false,
        addressing_mode: "pn",
        sender_alt: s(ANA_LID),
        recipient_alt: String::new(),
        broadcast_list_owner: String::new(),
        broadcast_recipients: None,
    }
}

fn info() -> MessageInfo {
    MessageInfo {
        source: source(),
        id: s("3EB0C767D097B7C4030D"),
        server_id: 0,
        kind: s("text"),
        push_name: s("Ana"),
        timestamp: s(AT),
        category: String::new(),
        multicast: false,
        media_type: String::new(),
        edit: String::new(),
        msg_bot_info: BotInfo::default(),
        msg_meta_info: MetaInfo::default(),
        verified_name: None,
        device_sent_meta: None,
    }
}

fn message() -> MessageEvent {
    MessageEvent {
        info: info(),
        message: json!({"conversation": "Good morning"}),
        raw_message: None,
        is_ephemeral: false,
        is_view_once: false,
        is_view_once_v2: false,
        is_view_once_v2_extension: false,
        is_document_with_caption: false,
        is_lottie_sticker: false,
        is_bot_invoke: false,
        is_edit: false,
        source_web_msg: None,
        unavailable_request_id: String::new(),
        retry_count: 0,
        newsletter_meta: None,
    }
}

fn newsletter() -> MessageEvent {
    let source =
        Source { chat: s(NEWSLETTER), sender: s(NEWSLETTER), addressing_mode: "", sender_alt: s(""), ..source() };
    MessageEvent { info: MessageInfo { source, server_id: 117, push_name: s(""), ..info() }, ..message() }
}
