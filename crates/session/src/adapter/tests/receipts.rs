use wacore::types::{events::Receipt, message::MessageSource, presence::ReceiptType};
use wacore_binary::builder::NodeBuilder;

use super::*;

fn receipt(chat: &str, sender: &str, kind: ReceiptType, ids: &[&str]) -> Event {
    let source = MessageSource { chat: jid(chat), sender: jid(sender), ..MessageSource::default() };
    let receipt = Receipt::builder()
        .source(source)
        .message_ids(ids.iter().map(|id| (*id).to_owned()).collect())
        .timestamp(at())
        .r#type(kind)
        .offline(false);
    Event::Receipt(receipt.build())
}

#[test]
fn read() {
    let told = told(receipt(ANA_LID, "100000012345678:4@lid", ReceiptType::Read, &["A", "B"]));
    assert_eq!(
        (&told["kind"], &told["topic"], &told["state"]),
        (&json!("ReadReceipt"), &json!("Receipt"), &json!("Read"))
    );
    assert_eq!(told["chat"], ANA);
    assert_eq!(
        told["event"],
        json!({
            "Chat": ANA_LID,
            "Sender": "100000012345678:4@lid",
            "IsFromMe": false,
            "IsGroup": false,
            "AddressingMode": "",
            "SenderAlt": "5511999999999:4@s.whatsapp.net",
            "RecipientAlt": "",
            "BroadcastListOwner": "",
            "BroadcastRecipients": null,
            "MessageIDs": ["A", "B"],
            "Timestamp": AT,
            "Type": "read",
            "MessageSender": "",
        })
    );
}

#[test]
fn kinds() {
    let cases = [
        (ReceiptType::Delivered, "", "Delivered", false),
        (ReceiptType::Inactive, "inactive", "Delivered", false),
        (ReceiptType::Read, "read", "Read", false),
        (ReceiptType::ReadSelf, "read-self", "ReadSelf", true),
        (ReceiptType::Played, "played", "Played", false),
        (ReceiptType::PlayedSelf, "played-self", "PlayedSelf", true),
        (ReceiptType::Sender, "sender", "Sender", true),
        (ReceiptType::ServerError, "server-error", "ServerError", false),
    ];
    for (kind, word, state, own) in cases {
        let told = told(receipt(ANA, ANA, kind, &["A"]));
        assert_eq!((&told["event"]["Type"], &told["state"]), (&json!(word), &json!(state)));
        assert_eq!(told["event"]["IsFromMe"], own);
    }
    let new = told(receipt(ANA, ANA, ReceiptType::Other("view".into()), &["A"]));
    assert_eq!((&new["event"]["Type"], &new["state"]), (&json!("view"), &Value::Null));
    for ours in [ReceiptType::PeerMsg, ReceiptType::HistorySync, ReceiptType::EncRekeyRetry] {
        assert!(silent(&receipt(ANA, ANA, ours, &["A"])));
    }
}

#[test]
fn the_same_receipt_has_the_same_name() {
    let name = |event| told(event)["once"].clone();
    let one = || receipt(GROUP, ANA, ReceiptType::Read, &["A", "B"]);
    assert_eq!(name(one()), name(one()));
    for other in [
        receipt(ANA, ANA, ReceiptType::Read, &["A", "B"]),
        receipt(GROUP, BEN, ReceiptType::Read, &["A", "B"]),
        receipt(GROUP, ANA, ReceiptType::Played, &["A", "B"]),
        receipt(GROUP, ANA, ReceiptType::Read, &["AB"]),
        receipt(GROUP, ANA, ReceiptType::Read, &["A"]),
    ] {
        assert_ne!(name(one()), name(other));
    }
    let many: Vec<String> = (0..1000).map(|id| format!("3EB0{id}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(name(receipt(GROUP, ANA, ReceiptType::Read, &many)).as_str().unwrap().len() < 100);
}

#[test]
fn a_wish_to_have_it_again() {
    let stanza = NodeBuilder::new("receipt")
        .attr("type", "retry")
        .attr("from", GROUP)
        .attr("participant", ANA)
        .attr("id", "A")
        .attr("t", "1700000000")
        .build();
    let [told] = told_by(&stanza).try_into().unwrap();
    assert_eq!((&told["state"], &told["event"]["Type"]), (&json!("Retry"), &json!("retry")));
    assert_eq!((&told["event"]["Sender"], &told["event"]["IsGroup"]), (&json!(ANA), &json!(true)));
    assert_eq!((&told["event"]["MessageIDs"], &told["event"]["Timestamp"]), (&json!(["A"]), &json!(AT)));
}
