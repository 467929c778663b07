use wacore::types::call::{CallAction, CallEndedElsewhere, ElsewhereOutcome, IncomingCall, MissedCall, MissedReason};

use super::*;

fn signal(action: CallAction) -> Event {
    let call = IncomingCall::builder()
        .from(jid(ANA_LID))
        .stanza_id("51".into())
        .platform("android".into())
        .version("2.26".into())
        .timestamp(at())
        .offline(false)
        .action(action);
    Event::IncomingCall(call.build())
}

fn call(signal: &str, more: Value) -> Value {
    let mut event = json!({
        "From": ANA_LID,
        "FromAlt": ANA,
        "Timestamp": AT,
        "CallID": "C1",
        "CallCreator": ANA_LID,
        "CallCreatorAlt": ANA,
        "GroupJID": "",
        "Media": "",
        "Type": "",
        "Signal": signal,
        "Reason": "",
        "RemotePlatform": "android",
        "RemoteVersion": "2.26",
    });
    event.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
    event
}

#[test]
fn signals_have_their_topics() {
    let call_id = || "C1".to_owned();
    let creator = || jid(ANA_LID);
    let offer = CallAction::Offer {
        call_id: call_id(),
        call_creator: creator(),
        caller_pn: Some(jid(ANA)),
        caller_country_code: None,
        device_class: None,
        joinable: false,
        is_video: true,
        audio: Vec::new(),
        group_jid: None,
    };
    let notice =
        CallAction::OfferNotice { call_id: call_id(), call_creator: creator(), is_video: false, is_group: true };
    let reject = CallAction::Reject { call_id: call_id(), call_creator: creator(), reason: Some("busy".into()) };
    let terminate = CallAction::Terminate {
        call_id: call_id(),
        call_creator: creator(),
        reason: None,
        duration: None,
        audio_duration: None,
    };
    let transport = CallAction::Transport {
        call_id: call_id(),
        call_creator: creator(),
        p2p_cand_round: None,
        transport_message_type: None,
    };
    let cases = [
        (offer, "CallOffer", "offer", json!({"Media": "video"})),
        (notice, "CallOfferNotice", "offer_notice", json!({"Media": "audio", "Type": "group"})),
        (
            CallAction::PreAccept { call_id: call_id(), call_creator: creator(), audio: Vec::new() },
            "CallPreAccept",
            "preaccept",
            json!({}),
        ),
        (
            CallAction::Accept { call_id: call_id(), call_creator: creator(), audio: Vec::new() },
            "CallAccept",
            "accept",
            json!({}),
        ),
        (reject, "CallReject", "reject", json!({"Reason": "busy"})),
        (terminate, "CallTerminate", "terminate", json!({})),
        (transport, "CallTransport", "transport", json!({})),
        (
            CallAction::RelayLatency { call_id: call_id(), call_creator: creator() },
            "CallRelayLatency",
            "relaylatency",
            json!({}),
        ),
    ];
    for (action, topic, word, more) in cases {
        let once = format!("call|{ANA_LID}|51|{word}");
        assert_eq!(told(signal(action)), record("Call", topic, ANA, Some(&once), call(word, more)));
    }
}

#[test]
fn a_groups_call_belongs_to_the_group() {
    let offer = CallAction::Offer {
        call_id: "C1".into(),
        call_creator: jid(ANA_LID),
        caller_pn: None,
        caller_country_code: None,
        device_class: None,
        joinable: true,
        is_video: false,
        audio: Vec::new(),
        group_jid: Some(jid(GROUP)),
    };
    let told = told(signal(offer));
    assert_eq!((&told["chat"], &told["event"]["GroupJID"]), (&json!(GROUP), &json!(GROUP)));
    assert_eq!(told["event"]["Type"], "group");
}

#[test]
fn missed() {
    let bare = json!({"CallCreator": "", "CallCreatorAlt": "", "RemotePlatform": "", "RemoteVersion": ""});
    let with = |signal: &str, reason: &str| {
        let mut event = call(signal, bare.clone());
        event["Reason"] = reason.into();
        event
    };
    let missed = |reason| Event::MissedCall(MissedCall::new(jid(ANA_LID), "C1".into(), at(), reason));
    let once = format!("call|{ANA_LID}|C1|missed|");
    assert_eq!(
        told(missed(MissedReason::Remote)),
        record("Call", "CallTerminate", ANA, Some(&once), with("missed", ""))
    );
    let once = format!("call|{ANA_LID}|C1|missed|offline");
    assert_eq!(
        told(missed(MissedReason::Offline)),
        record("Call", "CallOffer", ANA, Some(&once), with("missed", "offline"))
    );
    for (outcome, reason) in
        [(ElsewhereOutcome::Accepted, "accepted_elsewhere"), (ElsewhereOutcome::Rejected, "rejected_elsewhere")]
    {
        let ended = CallEndedElsewhere::new(jid(ANA_LID), "C1".into(), at(), outcome);
        let once = format!("call|{ANA_LID}|C1|terminate|{reason}");
        assert_eq!(
            told(Event::CallEndedElsewhere(ended)),
            record("Call", "CallTerminate", ANA, Some(&once), with("terminate", reason))
        );
    }
}
