//! Calls with clients that speak MLOW, whatever was negotiated.

use reqwest::StatusCode;
use serde_json::json;

use crate::{
    phones::{ALICE, BOB},
    world::World,
};

/// What phones can say in MLOW in any build.
const TONE: &str = "tone:1000:-15";

#[tokio::test(flavor = "multi_thread")]
async fn what_such_a_phone_cannot_say_is_refused() {
    let (world, _alice, _inbox) = World::linked().await;
    let path = format!("/phones/{BOB}/call/auto");
    let refused = world.phones.post(&path, json!({"then": "answer", "codec": "speex"})).await;
    assert_eq!((refused.status, refused.text.contains("opus or mlow")), (StatusCode::BAD_REQUEST, true));
    let echo = world.phones.post(&path, json!({"then": "answer", "codec": "mlow", "play": "echo"})).await;
    assert_eq!(echo.status == StatusCode::OK, cfg!(feature = "mlow"), "{}", echo.text);
    world.stop().await;
}

#[cfg(not(feature = "mlow"))]
mod not_spoken {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_with_a_phone_that_insists_ends_and_both_ends_are_told_why() {
        let (world, alice, inbox) = World::linked().await;
        world.phones.call(BOB, "auto", json!({"then": "answer", "codec": "mlow", "play": TONE})).await;
        let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
        inbox.call(&id, "accepted").await;
        let ended = inbox.call(&id, "ended").await;
        assert_eq!((&ended["Reason"], &ended["Direction"]), (&json!("audio_format"), &json!("outgoing")));
        let there = world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
        assert_eq!((&there["reason"], &there["heard"]["peakHz"]), (&json!("ended there"), &json!(0.0)));
        let shown = crate::calls::status(&alice, &id).await;
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("ended"), &json!("audio_format")));

        // The other way around, of somebody who says nothing: silence is of a codec, too.
        let wish = json!({"to": ALICE, "codec": "mlow"});
        let id = world.phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
        inbox.call(&id, "ringing").await;
        alice.post("/call/answer", json!({"CallID": id})).await.data();
        assert_eq!(inbox.call(&id, "ended").await["Reason"], "audio_format");
        world.phones.in_call(BOB, "the end", |call| call["id"] == id && call["state"] == "ended").await;

        // With the same phone, once it speaks what was negotiated.
        world.phones.call(BOB, "auto", json!({"then": "answer", "play": TONE})).await;
        let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
        inbox.call(&id, "active").await;
        alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
        world.phones.hears(BOB, 1_000.0, -15.0).await;
        world.stop().await;
    }
}

#[cfg(feature = "mlow")]
mod spoken {
    use wago_media::tone;

    use super::*;
    use crate::{
        api::Session,
        calls::{ASKED, data_url, goes_on, samples, status, wav},
    };

    /// What a session recorded of what it heard.
    async fn recorded(session: &Session, call: &str, packets: u64) -> Vec<i16> {
        let start = json!({"CallID": call, "What": "inbound", "Format": "wav"});
        let recording = session.post("/call/recording/start", start).await.data()["id"].as_str().unwrap().to_owned();
        goes_on(session, call, packets).await;
        session.post("/call/recording/stop", json!({"CallID": call})).await.data();
        let ended = async {
            while !session.get(&format!("/call/recordings?CallID={call}")).await.data()["recordings"][0]["endedAt"]
                .is_string()
            {
                tokio::time::sleep(ASKED).await;
            }
        };
        crate::patiently("the end of the recording", ended).await;
        let file = session.ask(reqwest::Method::GET, &format!("/call/recordings/{recording}")).send().await.unwrap();
        samples(&file.bytes().await.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_phone_that_insists_is_heard_and_hears() {
        let (world, alice, inbox) = World::linked().await;
        world.phones.call(BOB, "auto", json!({"then": "answer", "codec": "mlow", "play": TONE})).await;
        let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
        inbox.call(&id, "active").await;

        // A file in one direction, and what the phone says in the other.
        let upload = json!({"Name": "greeting.wav", "Audio": data_url(&wav(440.0, -12.0, 2))});
        alice.post("/call/audio", upload).await.data();
        let play = json!({"CallID": id, "AudioFile": "greeting.wav", "Loop": true});
        alice.post("/call/player/play", play).await.data();
        world.phones.hears(BOB, 440.0, -12.0).await;
        let heard = recorded(&alice, &id, 50).await;
        let (hz, level) = tone::peak(&heard[heard.len() / 3..]);
        assert!((hz - 1_000.0).abs() <= 2.0 && (level + 15.0).abs() < 2.0, "{hz} Hz at {level} dB");

        // Both at once, through the session.
        alice.post("/call/player/stop", json!({"CallID": id})).await.data();
        world.phones.hears(BOB, 0.0, -96.0).await;
        world.phones.call(BOB, "play", json!({"play": "tone:700:-12"})).await;
        alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
        world.phones.hears(BOB, 700.0, -12.0).await;
        let shown = status(&alice, &id).await;
        assert_eq!(shown["state"], "active");
        assert!(shown["stats"]["encodedPackets"].as_u64().unwrap() > 0, "{shown}");

        world.phones.call(BOB, "hangup", json!({})).await;
        assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");
        world.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_phone_that_insists_calls_over_a_bad_network() {
        let (world, alice, inbox) = World::linked().await;
        alice.post("/call/settings", json!({"AutoAnswer": true})).await.data();
        let wish = json!({"to": ALICE, "codec": "mlow", "play": "tone:800:-12"});
        let id = world.phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
        inbox.call(&id, "active").await;
        alice.post("/call/test", json!({"CallID": id, "Tone": 700})).await.data();
        world.phones.hears(BOB, 700.0, -12.0).await;
        let trouble = json!({"call": id, "loss": 0.05, "jitterMs": 40, "seed": 7});
        assert_eq!(world.phones.post("/relay", trouble).await.status, StatusCode::NO_CONTENT);
        let heard = recorded(&alice, &id, 80).await;
        // By parts of half a second: what is lost is made up, and most is as it was said.
        let parts: Vec<f32> =
            heard[heard.len() / 4..].chunks_exact(8_000).map(|part| tone::level_at(part, 800.0)).collect();
        let good = parts.iter().filter(|level| (**level + 12.0).abs() < 4.0).count();
        assert!(parts.len() >= 4 && good * 4 >= parts.len() * 3, "{parts:?}");
        world.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_speaks_opus_is_not_affected() {
        let (world, alice, inbox) = World::linked().await;
        world.phones.call(BOB, "auto", json!({"then": "answer", "play": TONE})).await;
        let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
        inbox.call(&id, "active").await;
        alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
        world.phones.hears(BOB, 1_000.0, -15.0).await;
        world.stop().await;
    }
}
