use wacore::types::events::{
    MexNotification, NewsletterLiveUpdate, NewsletterLiveUpdateMessage, NewsletterLiveUpdateReaction,
};

use super::*;

fn notification(payload: Value) -> Event {
    let update = MexNotification::builder().op_name("Notification".into()).stanza_id("77".into()).payload(payload);
    Event::MexNotification(update.build())
}

#[test]
fn joined_left_and_muted() {
    let about = json!({"name": {"text": "Harbour news"}});
    let join = json!({"data": {"xwa2_notify_newsletter_on_join": {
        "id": NEWSLETTER, "state": {"type": "ACTIVE"}, "thread_metadata": about, "viewer_metadata": {"mute": "ON"},
        "more": 1,
    }}});
    assert_eq!(
        told(notification(join)),
        record(
            "NewsletterJoin",
            "NewsletterJoin",
            NEWSLETTER,
            Some("newsletter|77"),
            json!({
                "id": NEWSLETTER,
                "state": {"type": "ACTIVE"},
                "thread_metadata": about,
                "viewer_metadata": {"mute": "ON"},
            }),
        )
    );
    let leave = json!({"data": {"xwa2_notify_newsletter_on_leave": {"id": NEWSLETTER, "role": "guest"}}});
    assert_eq!(told(notification(leave))["event"], json!({"id": NEWSLETTER, "role": "guest"}));
    let mute = json!({"data": {"xwa2_notify_newsletter_on_mute_change": {"id": NEWSLETTER, "mute": "ON"}}});
    let told = told(notification(mute));
    assert_eq!(
        (&told["kind"], &told["event"]),
        (&json!("NewsletterMuteChange"), &json!({"id": NEWSLETTER, "mute": "on"}))
    );
}

#[test]
fn other_answers_are_no_news() {
    for payload in
        [json!({}), json!({"data": null}), json!({"data": {"xwa2_notify_newsletter_on_join": "?"}}), json!([])]
    {
        assert!(silent(&notification(payload)));
    }
}

#[test]
fn reactions() {
    let reaction = NewsletterLiveUpdateReaction::builder().code("👍".into()).count(12).build();
    let message = NewsletterLiveUpdateMessage::builder().server_id(117).reactions(vec![reaction]).build();
    let update = NewsletterLiveUpdate::builder().newsletter_jid(jid(NEWSLETTER)).messages(vec![message]).build();
    assert_eq!(
        told(Event::NewsletterLiveUpdate(update)),
        record(
            "NewsletterLiveUpdate",
            "NewsletterLiveUpdate",
            NEWSLETTER,
            None,
            json!({
                "JID": NEWSLETTER,
                "Time": AT,
                "Messages": [{"MessageServerID": 117, "ReactionCounts": {"👍": 12}}],
            }),
        )
    );
}
