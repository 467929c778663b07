use wacore::{
    stanza::groups::{GroupNotification, GroupNotificationAction as Action},
    types::events::GroupUpdate,
};
use wacore_binary::builder::NodeBuilder;

use super::*;

/// As the engine makes it of a notification of Ana's.
fn update(children: Vec<Node>) -> Vec<Value> {
    let stanza = NodeBuilder::new("notification")
        .attr("type", "w:gp2")
        .attr("from", GROUP)
        .attr("participant", ANA_LID)
        .attr("id", "91")
        .attr("notify", "Ana")
        .attr("t", "1700000000")
        .children(children)
        .build();
    let parsed = GroupNotification::try_from_node_ref(&stanza.as_node_ref()).unwrap();
    let event = |(index, action): (usize, &Action)| {
        let update = GroupUpdate::builder()
            .group_jid(parsed.group_jid.clone())
            .maybe_notification_id(parsed.notification_id.clone())
            .maybe_notify(parsed.notify.clone())
            .maybe_participant(parsed.participant.clone())
            .action_index(u32::try_from(index).unwrap())
            .timestamp(at())
            .is_lid_addressing_mode(true)
            .action(action.clone());
        told(Event::GroupUpdate(update.build()))
    };
    parsed.actions.iter().enumerate().map(event).collect()
}

/// What is not null, empty or false, without what each event has.
fn changes(told: &Value) -> Value {
    let said = |(name, value): (&String, &Value)| {
        let common = ["JID", "Notify", "Sender", "SenderPN", "SenderAlt", "Timestamp"].contains(&name.as_str());
        let empty = value.is_null() || *value == false || value == "" || value.as_array().is_some_and(Vec::is_empty);
        (!common && !empty).then(|| (name.clone(), value.clone()))
    };
    told["event"].as_object().unwrap().iter().filter_map(said).collect::<serde_json::Map<_, _>>().into()
}

fn one(child: Node) -> Value {
    let [told] = update(vec![child]).try_into().unwrap();
    assert_eq!(told["kind"], "GroupInfo");
    changes(&told)
}

fn tag(tag: &'static str) -> Node {
    NodeBuilder::new(tag).build()
}

fn person(jid: &str) -> Node {
    NodeBuilder::new("participant").attr("jid", jid).build()
}

#[test]
fn somebody_came() {
    let add = NodeBuilder::new("add").attr("reason", "invite").children([person(ANA_LID), person(BEN)]).build();
    let [told] = update(vec![add]).try_into().unwrap();
    assert_eq!(
        told,
        record(
            "GroupInfo",
            "GroupInfo",
            GROUP,
            Some(&format!("group|{GROUP}|91|0")),
            json!({
                "JID": GROUP,
                "Notify": "Ana",
                "Sender": ANA_LID,
                "SenderPN": ANA,
                "SenderAlt": ANA,
                "Timestamp": AT,
                "Name": null,
                "Topic": null,
                "Locked": null,
                "Announce": null,
                "Ephemeral": null,
                "MembershipApprovalMode": null,
                "Delete": null,
                "Link": null,
                "Unlink": null,
                "NewInviteLink": null,
                "JoinReason": "invite",
                "Join": [ANA_LID, BEN],
                "Leave": [],
                "Promote": [],
                "Demote": [],
                "Suspended": false,
                "Unsuspended": false,
                "Participants": [
                    {
                        "JID": ANA_LID, "PhoneNumber": ANA, "LID": ANA_LID,
                        "IsAdmin": false, "IsSuperAdmin": false, "DisplayName": "",
                    },
                    {
                        "JID": BEN, "PhoneNumber": BEN, "LID": "",
                        "IsAdmin": false, "IsSuperAdmin": false, "DisplayName": "",
                    },
                ],
                "UnknownChanges": [],
            }),
        )
    );
}

#[test]
fn people() {
    for (tag, name) in [("remove", "Leave"), ("promote", "Promote"), ("demote", "Demote")] {
        let told = one(NodeBuilder::new(tag).children([person(BEN)]).build());
        assert_eq!(told[name], json!([BEN]));
        assert_eq!(told["Participants"][0]["PhoneNumber"], BEN);
    }
}

#[test]
fn name_and_description() {
    assert_eq!(
        one(NodeBuilder::new("subject").attr("subject", "Regatta").build()),
        json!({"Name": {"Name": "Regatta", "NameSetAt": AT, "NameSetBy": ANA_LID, "NameSetByPN": ANA}})
    );
    let topic = |topic: &str, deleted: bool| {
        json!({"Topic": {
            "Topic": topic, "TopicID": "D1", "TopicSetAt": AT, "TopicSetBy": ANA_LID, "TopicSetByPN": ANA,
            "TopicDeleted": deleted,
        }})
    };
    let body = NodeBuilder::new("body").string_content("At six").build();
    assert_eq!(one(NodeBuilder::new("description").attr("id", "D1").children([body]).build()), topic("At six", false));
    let gone = NodeBuilder::new("description").attr("id", "D1").children([tag("delete")]).build();
    assert_eq!(one(gone), topic("", true));
}

#[test]
fn settings() {
    let mode = |state: &str| {
        let join = NodeBuilder::new("group_join").attr("state", state).build();
        NodeBuilder::new("membership_approval_mode").children([join]).build()
    };
    let cases = [
        (tag("locked"), json!({"Locked": {"IsLocked": true}})),
        (tag("unlocked"), json!({"Locked": {"IsLocked": false}})),
        (tag("announcement"), json!({"Announce": {"IsAnnounce": true}})),
        (tag("not_announcement"), json!({"Announce": {"IsAnnounce": false}})),
        (
            NodeBuilder::new("ephemeral").attr("expiration", "86400").build(),
            json!({"Ephemeral": {"IsEphemeral": true, "DisappearingTimer": 86_400}}),
        ),
        (tag("not_ephemeral"), json!({"Ephemeral": {"IsEphemeral": false, "DisappearingTimer": 0}})),
        (mode("on"), json!({"MembershipApprovalMode": {"IsJoinApprovalRequired": true}})),
        (
            NodeBuilder::new("delete").attr("reason", "left").build(),
            json!({"Delete": {"Deleted": true, "DeleteReason": "left"}}),
        ),
        (
            NodeBuilder::new("invite").attr("code", "abc").build(),
            json!({"NewInviteLink": "https://chat.whatsapp.com/abc"}),
        ),
        (tag("suspended"), json!({"Suspended": true})),
        (tag("unsuspended"), json!({"Unsuspended": true})),
        (tag("growth_unlocked"), json!({"UnknownChanges": [{"Tag": "growth_unlocked", "Attrs": {}}]})),
        (tag("made_up_later"), json!({"UnknownChanges": [{"Tag": "made_up_later", "Attrs": {}}]})),
    ];
    for (child, expected) in cases {
        assert_eq!(one(child), expected);
    }
}

#[test]
fn communities() {
    let group = || NodeBuilder::new("group").attr("jid", "1@g.us").attr("subject", "Sails").build();
    let target = json!({"JID": "1@g.us", "Name": "Sails", "IsDefaultSubGroup": false});
    assert_eq!(
        one(NodeBuilder::new("link").attr("link_type", "sub_group").children([group()]).build()),
        json!({"Link": {"Type": "sub_group", "UnlinkReason": "", "Group": target}})
    );
    let unlink = NodeBuilder::new("unlink").attr("unlink_type", "sub_group").attr("unlink_reason", "unlink_group");
    assert_eq!(
        one(unlink.children([group()]).build()),
        json!({"Unlink": {"Type": "sub_group", "UnlinkReason": "unlink_group", "Group": target}})
    );
}

#[test]
fn requests_to_join_have_no_field_but_are_told() {
    let requested = NodeBuilder::new("requested_user").attr("jid", ANA).build();
    let asked = NodeBuilder::new("created_membership_requests").attr("request_method", "invite_link");
    let told = one(asked.children([requested]).build());
    assert_eq!(
        told["UnknownChanges"],
        json!([{
            "Tag": "created_membership_requests",
            "Attrs": {"participants": ANA, "request_method": "invite_link"},
        }])
    );
    assert_eq!(told["Participants"][0]["LID"], ANA_LID);
}

#[test]
fn several_changes_are_several_events() {
    let told = update(vec![tag("locked"), tag("announcement")]);
    let names: Vec<&Value> = told.iter().map(|told| &told["once"]).collect();
    assert_eq!(names, [&json!(format!("group|{GROUP}|91|0")), &json!(format!("group|{GROUP}|91|1"))]);
}

#[test]
fn a_group_that_is_joined() {
    let group = NodeBuilder::new("group")
        .attr("id", "120363021033254949")
        .attr("creator", ANA_LID)
        .attr("creation", "1700000000")
        .attr("subject", "Regatta")
        .attr("s_t", "1700000000")
        .attr("s_o", ANA_LID)
        .attr("addressing_mode", "lid")
        .children([
            NodeBuilder::new("participant").attr("jid", ANA_LID).attr("type", "superadmin").build(),
            NodeBuilder::new("participant").attr("jid", "7@lid").attr("phone_number", BEN).build(),
            tag("announcement"),
        ])
        .build();
    let create = NodeBuilder::new("create").attr("type", "new").attr("key", "K1").children([group]).build();
    let [told] = update(vec![create]).try_into().unwrap();
    assert_eq!(
        told,
        record(
            "JoinedGroup",
            "JoinedGroup",
            GROUP,
            Some(&format!("group|{GROUP}|91|0")),
            json!({
                "Reason": "",
                "Type": "new",
                "CreateKey": "K1",
                "Sender": ANA_LID,
                "SenderPN": ANA,
                "SenderAlt": ANA,
                "Notify": "Ana",
                "JID": GROUP,
                "OwnerJID": ANA_LID,
                "OwnerPN": ANA,
                "Name": "Regatta",
                "NameSetAt": AT,
                "NameSetBy": ANA_LID,
                "NameSetByPN": ANA,
                "Topic": "",
                "TopicID": "",
                "TopicSetAt": "0001-01-01T00:00:00Z",
                "TopicSetBy": "",
                "TopicSetByPN": "",
                "TopicDeleted": false,
                "IsLocked": false,
                "IsAnnounce": true,
                "IsEphemeral": false,
                "DisappearingTimer": 0,
                "IsJoinApprovalRequired": false,
                "IsParent": false,
                "LinkedParentJID": "",
                "IsDefaultSubGroup": false,
                "AddressingMode": "lid",
                "GroupCreated": AT,
                "Participants": [
                    {
                        "JID": ANA_LID, "PhoneNumber": ANA, "LID": ANA_LID,
                        "IsAdmin": true, "IsSuperAdmin": true, "DisplayName": "",
                    },
                    {
                        "JID": "7@lid", "PhoneNumber": BEN, "LID": "7@lid",
                        "IsAdmin": false, "IsSuperAdmin": false, "DisplayName": "",
                    },
                ],
            }),
        )
    );
}

#[test]
fn a_creation_that_cannot_be_read_is_still_told() {
    let [told] = update(vec![tag("create")]).try_into().unwrap();
    assert_eq!(changes(&told), json!({"UnknownChanges": [{"Tag": "create", "Attrs": {}}]}));
}
