//! Calls between sessions and phones.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, Phones},
    world::World,
};

impl Phones {
    pub async fn call(&self, number: &str, action: &str, wish: Value) -> Value {
        self.post(&format!("/phones/{number}/call/{action}"), wish).await.data()
    }

    /// Waits until the phone's latest call is such.
    pub async fn in_call(&self, number: &str, what: &str, such: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/phones/{number}/calls");
        self.until(what, &path, |calls| calls.as_array()?.last().filter(|call| such(call)).cloned()).await
    }
}

impl Inbox {
    /// Waits until the call came to that state.
    pub async fn call(&self, id: &str, state: &str) -> Value {
        let what = format!("the call to be {state}");
        let told = self.first(&what, |told| {
            let event = told.event();
            told.kind() == "Call" && event["CallID"] == id && event["State"] == state
        });
        told.await.event().clone()
    }
}

pub async fn status(session: &Session, id: &str) -> Value {
    session.get(&format!("/call/status?CallID={id}")).await.data()["calls"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_calls_a_phone_and_hangs_up() {
    let (world, alice, inbox) = World::linked().await;
    let made = alice.post("/call/make", json!({"Phone": BOB})).await.json();
    let id = made["data"]["callID"].as_str().unwrap();
    assert_eq!(made["data"]["call"]["direction"], "outgoing");
    assert_eq!((&made["callID"], &made["call"]), (&made["data"]["callID"], &made["data"]["call"]), "with and without");
    world.phones.in_call(BOB, "a ring", |call| call["state"] == "ringing").await;
    inbox.call(id, "ringing").await;
    world.phones.call(BOB, "answer", json!({})).await;
    inbox.call(id, "accepted").await;
    inbox.call(id, "active").await;
    let shown = status(&alice, id).await;
    assert_eq!((&shown["state"], &shown["media"]), (&json!("active"), &json!("audio")));
    assert!(shown["answeredAt"].is_string() && shown["stats"].is_object());
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    let ended = inbox.call(id, "ended").await;
    assert_eq!((&ended["Reason"], &ended["Direction"]), (&json!("hangup"), &json!("outgoing")));
    assert!(ended["DurationMs"].as_u64().is_some());
    let there = world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    assert_eq!(there["reason"], "ended there");
    let again = alice.post("/call/hangup", json!({"CallID": id})).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (StatusCode::CONFLICT, Some("the call is over")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_calls_a_session_which_answers() {
    let (world, alice, inbox) = World::linked().await;
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    let rings = inbox.call(&id, "ringing").await;
    assert_eq!((&rings["Direction"], &rings["Signal"]), (&json!("incoming"), &json!("state")));
    alice.post("/call/answer", json!({"CallID": id})).await.data();
    inbox.call(&id, "active").await;
    world.phones.in_call(BOB, "the answer", |call| call["state"] == "active" && call["device"] != 0).await;
    // The account's phone rings no more.
    world.phones.in_call(ALICE, "the answer elsewhere", |call| call["reason"] == "accepted_elsewhere").await;
    world.phones.call(BOB, "hangup", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "remote_hangup");
    world.stop().await;
}

/// Waits until so many packets more, of 60 ms each, were heard in the call.
pub async fn goes_on(session: &Session, id: &str, packets: u64) {
    let heard = async || status(session, id).await["stats"]["heardPackets"].as_u64().unwrap();
    let enough = heard().await + packets;
    let wait = async {
        while heard().await < enough {
            tokio::time::sleep(ASKED).await;
        }
    };
    crate::patiently("more of the call", wait).await;
}

/// How often a phone is asked what it hears: its sound makes no event.
pub const ASKED: std::time::Duration = std::time::Duration::from_millis(100);

impl Phones {
    /// Waits until the phone hears that tone, in Hz and dB of the loudest there is.
    pub async fn hears(&self, number: &str, hz: f64, level: f64) {
        let path = format!("/phones/{number}/calls");
        let mut heard = Value::Null;
        let wait = async {
            loop {
                heard = self.get(&path).await.as_array().unwrap().last().unwrap()["heard"].clone();
                let near = |field: &str, wanted: f64, by: f64| {
                    heard[field].as_f64().is_some_and(|found| (found - wanted).abs() <= by)
                };
                if near("peakHz", hz, 3.0) && near("level", level, 2.0) {
                    return;
                }
                tokio::time::sleep(ASKED).await;
            }
        };
        let came = tokio::time::timeout(crate::PATIENCE, wait).await.is_ok();
        assert!(came, "waited in vain for {hz} Hz at {level} dB: {heard}");
    }
}

/// A session in a call with Bob's phone, which says 1000 Hz at -15 dB.
async fn talking() -> (World, Session, Inbox, String) {
    let (world, alice, inbox) = World::linked().await;
    world.phones.call(BOB, "auto", json!({"then": "answer", "play": "tone:1000:-15"})).await;
    let made = alice.post("/call/make", json!({"Phone": BOB})).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    inbox.call(&id, "active").await;
    (world, alice, inbox, id)
}

/// A WAV file of a tone, in Hz and dB, of so many seconds at 48 kHz.
pub fn wav(hz: f32, level: f32, seconds: u32) -> Vec<u8> {
    const RATE: u32 = 48_000;
    let loud = f32::from(i16::MAX) * 10_f32.powf(level / 20.0);
    let bytes = RATE * seconds * 2;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    for at in 0..RATE * seconds {
        let sample = loud * (std::f32::consts::TAU * hz * (at % RATE) as f32 / RATE as f32).sin();
        file.extend((sample as i16).to_le_bytes());
    }
    file
}

pub fn data_url(file: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("data:audio/wav;base64,{}", BASE64_STANDARD.encode(file))
}

/// The samples of a WAV file at 16 kHz.
pub fn samples(wav: &[u8]) -> Vec<i16> {
    wav[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_played_paused_and_stopped_and_both_ends_are_recorded() {
    let (world, alice, _inbox, id) = talking().await;
    let upload = json!({"Name": "greeting.wav", "Audio": data_url(&wav(440.0, -12.0, 2))});
    alice.post("/call/audio", upload).await.data();
    let files = alice.get("/call/audio").await.data();
    assert_eq!(files["files"][0]["Name"], "greeting.wav");
    let play = json!({"CallID": id, "AudioFile": "greeting.wav", "Loop": true});
    let playing = alice.post("/call/player/play", play).await.data();
    assert_eq!((&playing["file"], &playing["looped"]), (&json!("greeting.wav"), &json!(true)));
    world.phones.hears(BOB, 440.0, -12.0).await;

    let mut recordings = Vec::new();
    for (what, format) in [("inbound", "wav"), ("outbound", "wav"), ("mixed", "ogg")] {
        let start = json!({"CallID": id, "What": what, "Format": format});
        let recording = alice.post("/call/recording/start", start.clone()).await.data();
        alice.post("/call/recording/start", start).await.fails(409, "call_state", "recorded already");
        recordings.push((recording["id"].as_str().unwrap().to_owned(), what));
        let path = format!("/call/recordings?CallID={id}");
        goes_on(&alice, &id, 25).await;
        alice.post("/call/recording/stop", json!({"CallID": id})).await.data();
        let ended = async {
            loop {
                let list = alice.get(&path).await.data();
                if list["recordings"][0]["endedAt"].is_string() {
                    return;
                }
                tokio::time::sleep(ASKED).await;
            }
        };
        crate::patiently("the end of the recording", ended).await;
    }
    for (recording, what) in &recordings {
        let file = alice.ask(reqwest::Method::GET, &format!("/call/recordings/{recording}")).send().await.unwrap();
        assert!(file.status().is_success());
        let kind = file.headers()["content-type"].to_str().unwrap().to_owned();
        let bytes = file.bytes().await.unwrap();
        if *what == "mixed" {
            assert_eq!((kind.as_str(), &bytes[..4]), ("audio/ogg", &b"OggS"[..]));
            let mut heard = Vec::new();
            wago_media::listen(std::io::Cursor::new(bytes.to_vec()), 16_000, |some| {
                heard.extend(some.iter().map(|sample| (sample * f32::from(i16::MAX)) as i16));
                Ok(())
            })
            .unwrap();
            let middle = &heard[heard.len() / 3..heard.len() - 1_600];
            for (hz, level) in [(440.0, -12.0), (1_000.0, -15.0)] {
                let found = wago_media::tone::level_at(middle, hz);
                assert!((found - level).abs() < 3.0, "{hz} Hz at {found} dB");
            }
        } else {
            let heard = samples(&bytes);
            let (wanted, loud) = if *what == "inbound" { (1_000.0, -15.0) } else { (440.0, -12.0) };
            let (hz, level) = wago_media::tone::peak(&heard[heard.len() / 3..]);
            assert!((hz - wanted).abs() <= 2.0 && (level - loud).abs() < 2.0, "{what}: {hz} Hz at {level} dB");
        }
    }
    let (first, _) = &recordings[0];
    let deleted = alice.ask(reqwest::Method::DELETE, &format!("/call/recordings/{first}"));
    crate::api::send(deleted).await.data();
    alice.get(&format!("/call/recordings/{first}")).await.fails(404, "not_found", "no such recording");

    let named = json!({"CallID": id});
    assert_eq!(alice.post("/call/player/pause", named.clone()).await.data()["paused"], true);
    world.phones.hears(BOB, 0.0, -96.0).await;
    assert_eq!(alice.post("/call/player/resume", named.clone()).await.data()["paused"], false);
    world.phones.hears(BOB, 440.0, -12.0).await;
    let status = alice.get(&format!("/call/player/status?CallID={id}")).await.data();
    assert!(status["positionMs"].as_u64().unwrap() > 1_000);
    alice.post("/call/mute", json!({"CallID": id, "Muted": true})).await.data();
    world.phones.hears(BOB, 0.0, -96.0).await;
    world.phones.in_call(BOB, "word of the silence", |call| call["peerMuted"] == true).await;
    alice.post("/call/mute", json!({"CallID": id, "Muted": false})).await.data();
    world.phones.hears(BOB, 440.0, -12.0).await;
    alice.post("/call/player/stop", named.clone()).await.data();
    alice.post("/call/player/stop", named).await.fails(404, "not_found", "nothing is played");
    let gone = alice.ask(reqwest::Method::DELETE, "/call/audio?Name=greeting.wav");
    crate::api::send(gone).await.data();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_from_a_url_is_played_again_and_again() {
    let (world, alice, _inbox, id) = talking().await;
    let file = wav(800.0, -12.0, 1);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/greeting.wav", listener.local_addr().unwrap());
    let answer = move || async move { ([("content-type", "audio/wav")], file) };
    let router = axum::Router::new().route("/greeting.wav", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let play = json!({"CallID": id, "AudioFile": url, "Loop": true});
    let playing = alice.post("/call/player/play", play).await.data();
    assert_eq!((&playing["file"], &playing["looped"]), (&json!(url), &json!(true)));
    // Twice as long as the file.
    goes_on(&alice, &id, 34).await;
    world.phones.hears(BOB, 800.0, -12.0).await;
    let status = alice.get(&format!("/call/player/status?CallID={id}")).await.data();
    assert!(status["positionMs"].as_u64().unwrap() > 1_500, "{status}");
    let nowhere = json!({"CallID": id, "AudioFile": url.replace("greeting", "nothing")});
    let failed = alice.post("/call/player/play", nowhere).await;
    assert!(failed.status.is_client_error(), "{}", failed.json());
    world.phones.hears(BOB, 800.0, -12.0).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tones_keys_and_an_echo_try_a_call() {
    let (world, alice, _inbox, id) = talking().await;
    alice.post("/call/test", json!({"CallID": id, "Tone": 700})).await.data();
    world.phones.hears(BOB, 700.0, -12.0).await;
    alice.post("/call/test", json!({"CallID": id, "Echo": true})).await.data();
    world.phones.hears(BOB, 1_000.0, -15.0).await;
    alice.post("/call/test", json!({"CallID": id})).await.data();
    alice.post("/call/dtmf", json!({"CallID": id, "Keys": "12#"})).await.data();
    alice.post("/call/dtmf", json!({"CallID": id, "Keys": "x"})).await.fails(400, "invalid_field", "Keys should be");
    let shown = status(&alice, &id).await;
    assert!(shown["stats"]["encodedPackets"].as_u64().unwrap() > 0, "{shown}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_hears_and_speaks_over_a_web_socket() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

    let (world, alice, inbox, id) = talking().await;
    let url = format!("{}/call/stream?CallID={id}&FrameMs=20", alice.api.url).replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("token", alice.token.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let start = socket.next().await.unwrap().unwrap();
    let start: Value = serde_json::from_str(start.to_text().unwrap()).unwrap();
    assert_eq!((&start["type"], &start["frameBytes"]), (&json!("start"), &json!(640)));
    let tone: Vec<u8> = samples(&wav(500.0, -12.0, 9)).iter().step_by(3).flat_map(|one| one.to_le_bytes()).collect();
    socket.send(Message::binary(tone)).await.unwrap();
    let mut heard = Vec::new();
    let listening = async {
        while heard.len() < 32_000 {
            if let Message::Binary(frame) = socket.next().await.unwrap().unwrap() {
                assert_eq!(frame.len(), 640);
                heard.extend(frame.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])));
            }
        }
    };
    crate::patiently("two seconds of sound", listening).await;
    let (hz, level) = wago_media::tone::peak(&heard[16_000..]);
    assert!((hz - 1_000.0).abs() <= 2.0 && (level + 15.0).abs() < 2.0, "{hz} Hz at {level} dB");
    world.phones.hears(BOB, 500.0, -12.0).await;
    socket.send(Message::text(r#"{"type":"clear"}"#)).await.unwrap();
    let cleared = async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_str::<Value>(&text).unwrap();
            }
        }
    };
    let cleared = crate::patiently("the clearing", cleared).await;
    assert!(cleared["type"] == "cleared" && cleared["ms"].as_u64().unwrap() > 1_000, "{cleared}");
    world.phones.hears(BOB, 0.0, -96.0).await;
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    inbox.call(&id, "ended").await;
    let closed = async { while !matches!(socket.next().await, Some(Ok(Message::Close(_))) | None) {} };
    crate::patiently("the end of the stream", closed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_declines_by_itself_with_a_text_or_takes_with_an_announcement() {
    let (world, alice, inbox) = World::linked().await;
    let both = json!({"AutoReject": true, "AutoAnswer": true});
    alice.post("/call/settings", both).await.fails(400, "invalid_field", "AutoAnswer should be");
    alice.post("/call/settings", json!({"AutoReject": true, "RejectText": "please write"})).await.data();
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    assert_eq!(inbox.call(&id, "rejected").await["Reason"], "auto_rejected");
    world.phones.in_call(BOB, "the refusal", |call| call["reason"] == "rejected").await;
    let path = format!("/phones/{BOB}/messages");
    world
        .phones
        .until("the text", &path, |all| all.as_array()?.iter().find(|one| one["text"] == "please write").map(|_| ()))
        .await;
    let upload = json!({"Name": "hello.wav", "Audio": data_url(&wav(600.0, -12.0, 2))});
    alice.post("/call/audio", upload).await.data();
    let settings = json!({"AutoAnswer": true, "Announce": "hello.wav", "HangUp": true});
    alice.post("/call/settings", settings).await.data();
    assert_eq!(alice.get("/call/settings").await.data()["AutoAnswer"], true);
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "active").await;
    world.phones.hears(BOB, 600.0, -12.0).await;
    let ended = inbox.call(&id, "ended").await;
    assert_eq!(ended["Reason"], "hangup");
    assert!(ended["DurationMs"].as_u64().unwrap() > 1_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_to_nothing_say_why() {
    let (world, alice, inbox) = World::linked().await;
    for (then, state, reason) in [("reject", "rejected", "rejected"), ("busy", "rejected", "busy")] {
        world.phones.call(BOB, "auto", json!({"then": then})).await;
        let id = alice.post("/call/make", json!({"Phone": BOB})).await.data()["callID"].as_str().unwrap().to_owned();
        assert_eq!(inbox.call(&id, state).await["Reason"], reason);
    }
    world.phones.call(BOB, "auto", json!({"then": "ring"})).await;
    let made = alice.post("/call/make", json!({"Phone": BOB, "RingSeconds": 2})).await.data();
    let id = made["callID"].as_str().unwrap().to_owned();
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "timeout");
    world.phones.in_call(BOB, "the end of the ringing", |call| call["reason"] == "missed").await;
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "ringing").await;
    world.phones.call(BOB, "timeout", json!({})).await;
    let missed = inbox.call(&id, "ended").await;
    assert_eq!((&missed["Reason"], &missed["DurationMs"]), (&json!("missed"), &json!(0)));
    alice.post("/call/answer", json!({"CallID": id})).await.fails(409, "call_state", "the call is over");
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "ringing").await;
    world.phones.call(ALICE, "answer", json!({})).await;
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "accepted_elsewhere");
    world.phones.call(BOB, "hangup", json!({})).await;
    let id = world.phones.call(BOB, "make", json!({"to": ALICE})).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "ringing").await;
    alice.post("/call/reject", json!({"CallID": id})).await.data();
    assert_eq!(inbox.call(&id, "rejected").await["Reason"], "rejected");
    world.phones.in_call(BOB, "the refusal", |call| call["reason"] == "rejected").await;
    // A client that takes another codec alone.
    let wish = json!({"to": ALICE, "rates": [8000]});
    let id = world.phones.call(BOB, "make", wish).await["id"].as_str().unwrap().to_owned();
    inbox.call(&id, "ringing").await;
    alice.post("/call/answer", json!({"CallID": id})).await.fails(409, "call_state", "codec");
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "audio_format");
    world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    let own = alice.post("/call/make", json!({"Phone": ALICE})).await;
    own.fails(400, "invalid_field", "should not be the account's own");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_its_session() {
    let (world, alice, inbox, id) = talking().await;
    alice.post("/session/disconnect", json!({})).await.data();
    assert_eq!(inbox.call(&id, "ended").await["Reason"], "disconnected");
    world.phones.in_call(BOB, "the end", |call| call["state"] == "ended").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_offers_nonsense_is_told_so() {
    let (world, alice, _inbox, id) = talking().await;
    let config = alice.get("/call/webrtc/config").await.json();
    assert_eq!(config, json!({"iceServers": [], "turn": {"enabled": false, "status": "not_configured"}}));
    let offer = json!({"callID": id, "type": "offer", "sdp": "v=1"});
    alice.post("/call/webrtc/offer", offer).await.fails(400, "invalid_field", "no session description");
    let wrong = json!({"callID": id, "type": "answer", "sdp": "v=0"});
    alice.post("/call/webrtc/offer", wrong).await.fails(400, "invalid_field", "type should be offer");
    let plain = alice.ask(reqwest::Method::POST, &format!("/call/webrtc/offer?CallID={id}"));
    let plain = plain.header("content-type", "application/sdp").body("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    crate::api::send(plain).await.fails(400, "invalid_field", "no audio");
    let late = json!({"callID": id, "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"});
    alice.post("/call/webrtc/candidate", late).await.fails(404, "not_found", "no browser");
    let gone = alice.ask(reqwest::Method::DELETE, &format!("/call/webrtc/offer?CallID={id}"));
    crate::api::send(gone).await.fails(404, "not_found", "no browser");
    alice.post("/call/hangup", json!({"CallID": id})).await.data();
    let ended = json!({"callID": id, "type": "offer", "sdp": "v=0"});
    alice.post("/call/webrtc/offer", ended).await.fails(409, "call_state", "over");
    world.stop().await;
}
