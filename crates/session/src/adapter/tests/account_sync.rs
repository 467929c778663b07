use wacore_binary::builder::NodeBuilder;

use super::*;

fn notification(kind: &'static str, children: Vec<Node>) -> Node {
    NodeBuilder::new("notification")
        .attr("type", kind)
        .attr("from", BEN)
        .attr("id", "4011")
        .attr("t", "1700000000")
        .children(children)
        .build()
}

#[test]
fn a_block() {
    let item = NodeBuilder::new("item").attr("jid", ANA_LID).attr("action", "block").build();
    let list =
        NodeBuilder::new("blocklist").attr("dhash", "after").attr("prev_dhash", "before").children([item]).build();
    assert_eq!(
        told_by(&notification("account_sync", vec![list])),
        [record(
            "Blocklist",
            "BlocklistChange",
            "",
            Some("notification|4011|blocklist"),
            json!({
                "Action": "",
                "DHash": "after",
                "PrevDHash": "before",
                "Changes": [{"JID": ANA_LID, "JIDAlt": ANA, "Action": "block"}],
            }),
        )]
    );
}

#[test]
fn privacy() {
    let category =
        |name: &str, value: &str| NodeBuilder::new("category").attr("name", name).attr("value", value).build();
    let all = [
        "groupadd",
        "last",
        "status",
        "profile",
        "readreceipts",
        "online",
        "calladd",
        "messages",
        "defense",
        "stickers",
    ];
    let settings = NodeBuilder::new("privacy").children(all.map(|name| category(name, "contacts"))).build();
    let [told] = told_by(&notification("account_sync", vec![settings])).try_into().unwrap();
    let event = told["event"].as_object().unwrap();
    for (name, value) in event {
        if name == "NewSettings" {
            assert!(value.as_object().unwrap().values().all(|value| value == "contacts"), "{value}");
        } else {
            assert_eq!(value, true, "{name}");
        }
    }
    assert_eq!(event.len(), 1 + all.len());
    let one = NodeBuilder::new("privacy").children([category("last", "none"), category("new", "all")]).build();
    let [told] = told_by(&notification("account_sync", vec![one])).try_into().unwrap();
    assert_eq!(told["event"]["NewSettings"]["LastSeen"], "none");
    assert_eq!(told["event"]["NewSettings"]["GroupAdd"], "");
    assert_eq!((&told["event"]["LastSeenChanged"], &told["event"]["GroupAddChanged"]), (&json!(true), &json!(false)));
    assert_eq!((&told["kind"], &told["chat"]), (&json!("PrivacySettings"), &json!("")));
}

#[test]
fn the_own_picture() {
    let [told] = told_by(&notification("account_sync", vec![NodeBuilder::new("picture").build()])).try_into().unwrap();
    assert_eq!((&told["kind"], &told["event"]["JID"]), (&json!("Picture"), &json!(BEN)));
    assert_eq!(told["event"]["Timestamp"], AT);
}

#[test]
fn a_file_again() {
    let about = NodeBuilder::new("rmr").attr("jid", ANA).attr("from_me", "false").build();
    let sealed = NodeBuilder::new("encrypt")
        .children([
            NodeBuilder::new("enc_p").bytes(vec![1, 2, 3]).build(),
            NodeBuilder::new("enc_iv").bytes(vec![4, 5]).build(),
        ])
        .build();
    assert_eq!(
        told_by(&notification("mediaretry", vec![about.clone(), sealed])),
        [record(
            "MediaRetry",
            "MediaRetry",
            ANA,
            Some(&format!("notification|4011|mediaretry|{AT}")),
            json!({
                "Ciphertext": "AQID",
                "IV": "BAU=",
                "Error": null,
                "Timestamp": AT,
                "MessageID": "4011",
                "ChatID": ANA,
                "ChatAlt": ANA_LID,
                "SenderID": "",
                "SenderAlt": "",
                "FromMe": false,
            }),
        )]
    );
    let error = NodeBuilder::new("error").attr("code", "2").build();
    let [told] = told_by(&notification("mediaretry", vec![about, error])).try_into().unwrap();
    assert_eq!(told["event"]["Error"], json!({"Code": 2}));
}

#[test]
fn nothing_else_is_read() {
    let is_told = |stanza: Node| account::is_told(&stanza.as_node_ref());
    assert!(!is_told(NodeBuilder::new("message").attr("type", "text").build()));
    assert!(!is_told(NodeBuilder::new("receipt").build()));
    assert!(!is_told(notification("account_sync", vec![NodeBuilder::new("devices").build()])));
    assert!(!is_told(notification("privacy_token", Vec::new())));
}
