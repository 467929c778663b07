use http::{Method, StatusCode};
use serde_json::json;

use crate::api::Api;

/// Each route that is about a call and reads a body, with what it needs beside the call.
const ABOUT_A_CALL: &[(&str, &str)] = &[
    ("/call/answer", ""),
    ("/call/reject", ""),
    ("/call/hangup", ""),
    ("/call/mute", r#","Muted":true"#),
    ("/call/dtmf", r#","Keys":"1""#),
    ("/call/test", r#","Tone":440"#),
    ("/call/webrtc/offer", r#","type":"offer","sdp":"v=0""#),
    ("/call/webrtc/candidate", r#","candidate":"""#),
    ("/call/player/play", r#","AudioFile":"a.wav""#),
    ("/call/player/pause", ""),
    ("/call/player/resume", ""),
    ("/call/player/stop", ""),
    ("/call/recording/start", ""),
    ("/call/recording/stop", ""),
];
/// A second of silence, as WAV of 8 kHz with one byte a sample.
fn wav() -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let mut file =
        b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0".to_vec();
    file.extend([0x80; 8_000]);
    format!("data:audio/wav;base64,{}", BASE64_STANDARD.encode(file))
}

#[tokio::test]
async fn a_call_has_to_be_named_and_known() {
    let api = Api::with_session("t").await;
    for (path, rest) in ABOUT_A_CALL {
        let body = format!(r#"{{"CallID":"nobody's"{rest}}}"#);
        api.post(path).body(body.clone()).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.post(path).token("t").body("{}").send().await;
        answer.fails(400, "missing_field", Some("CallID"), false, "missing CallID in payload");
        let answer = api.post(path).token("t").body(body).send().await;
        answer.fails(404, "unknown_call", Some("CallID"), false, "there is no call with this CallID");
    }
    for path in ["/call/player/status", "/call/stream"] {
        api.get(path).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let answer = api.get(path).token("t").send().await;
        answer.fails(400, "missing_field", Some("CallID"), false, "missing CallID in payload");
        let answer = api.get(&format!("{path}?CallID=x")).token("t").send().await;
        answer.fails(404, "unknown_call", Some("CallID"), false, "there is no call with this CallID");
    }
    let answer = api.get("/call/status?CallID=x").token("t").send().await;
    answer.fails(404, "unknown_call", Some("CallID"), false, "there is no call with this CallID");
    api.get("/call/status").send().await.fails(401, "invalid_token", None, false, "invalid token");
    let none = api.get("/call/status").token("t").send().await.json();
    assert_eq!(none, json!({"code": 200, "data": {"calls": []}, "success": true, "calls": []}));
    let plain = api.post("/call/webrtc/offer").token("t").header("content-type", "application/sdp").body("v=0");
    plain.send().await.fails(400, "missing_field", Some("CallID"), false, "missing CallID in payload");
    let leave = api.ask(Method::DELETE, "/call/webrtc/offer").token("t").send().await;
    leave.fails(400, "missing_field", Some("CallID"), false, "missing CallID in payload");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::with_session("t").await;
    for (path, body, status, field) in [
        ("/call/make", "{}", 400, "Phone"),
        ("/call/make", r#"{"Phone":"15550000002","Video":"perhaps"}"#, 400, "Video"),
        ("/call/make", r#"{"Phone":"15550000002","RingSeconds":76}"#, 400, "RingSeconds"),
        ("/call/mute", r#"{"CallID":"x","Muted":"perhaps"}"#, 400, "Muted"),
        ("/call/dtmf", r#"{"CallID":"x"}"#, 400, "Keys"),
        ("/call/test", r#"{"CallID":"x","Tone":9000}"#, 400, "Tone"),
        ("/call/player/play", r#"{"CallID":"x"}"#, 400, "AudioFile"),
        ("/call/recording/start", r#"{"CallID":"x","What":"all"}"#, 400, "What"),
        ("/call/recording/start", r#"{"CallID":"x","Format":"mp3"}"#, 400, "Format"),
        ("/call/webrtc/offer", r#"{"CallID":"x","type":"answer","sdp":"v=0"}"#, 400, "type"),
        ("/call/webrtc/offer", r#"{"CallID":"x"}"#, 400, "sdp"),
        ("/call/webrtc/candidate", r#"{"CallID":"x"}"#, 400, "candidate"),
        ("/call/settings", r#"{"AutoReject":true,"AutoAnswer":true}"#, 400, "AutoAnswer"),
        ("/call/settings", r#"{"AutoAnswer":true,"HangUp":true}"#, 400, "Announce"),
    ] {
        let answer = api.post(path).token("t").body(body).send().await;
        let found = (answer.status.as_u16(), answer.json()["field"].as_str().map(str::to_owned));
        assert_eq!(found, (status, Some(field.to_owned())), "{path} {body} {}", answer.text);
    }
    let answer = api.get("/call/stream?CallID=x&FrameMs=25").token("t").send().await;
    answer.fails(400, "invalid_field", Some("FrameMs"), false, "FrameMs should be 20, 30 or 60");
    let call = api.post("/call/make").token("t").body(r#"{"Phone":"15550000002"}"#).send().await;
    call.fails(500, "no_session", None, false, "No session");
}

#[tokio::test]
async fn what_a_session_does_when_it_is_called_is_kept() {
    let api = Api::with_session("t").await;
    api.get("/call/settings").send().await.fails(401, "invalid_token", None, false, "invalid token");
    let off = json!({"AutoReject": false, "RejectText": "", "AutoAnswer": false, "Announce": "", "HangUp": false});
    assert_eq!(api.get("/call/settings").token("t").send().await.json()["data"], off);
    let wish = json!({"AutoReject": true, "RejectText": "please write"}).to_string();
    assert_eq!(api.post("/call/settings").token("t").body(wish).send().await.status, StatusCode::OK);
    let kept = api.get("/call/settings").token("t").send().await.json();
    assert_eq!((&kept["data"]["AutoReject"], &kept["data"]["RejectText"]), (&json!(true), &json!("please write")));
    // What is not named is off.
    assert_eq!(api.post("/call/settings").token("t").body("{}").send().await.json()["data"], off);
    assert_eq!(api.get("/call/settings").token("t").send().await.json()["data"], off);
}

#[tokio::test]
async fn a_session_has_audio_files_of_its_own() {
    let api = Api::with_session("t").await;
    api.create("customer-2", "other").await;
    api.get("/call/audio").send().await.fails(401, "invalid_token", None, false, "invalid token");
    let upload = |name: &str, audio: &str| {
        api.post("/call/audio").token("t").body(json!({"Name": name, "Audio": audio}).to_string())
    };
    upload("../up.wav", &wav()).send().await.fails(
        400,
        "invalid_field",
        Some("Name"),
        false,
        "Name: a name has letters, digits, spaces and . - _ only, and begins with none of the last four",
    );
    let noise = upload("noise.wav", "data:audio/wav;base64,AAECAwQFBgc=").send().await;
    assert_eq!((noise.status.as_u16(), noise.json()["field"].as_str()), (400, Some("Audio")), "{}", noise.text);
    let stored = upload("hello.wav", &wav()).send().await;
    assert_eq!(stored.json()["data"], json!({"Name": "hello.wav", "Bytes": 8_044}));
    let list = async |token| api.get("/call/audio").token(token).send().await.json()["data"]["files"].clone();
    assert_eq!(list("t").await, json!([{"Name": "hello.wav", "Bytes": 8_044}]));
    assert_eq!(list("other").await, json!([]));
    let delete = |path: &str, token| api.ask(Method::DELETE, path).token(token);
    delete("/call/audio", "t").send().await.fails(400, "missing_field", Some("Name"), false, "missing Name in payload");
    let others = delete("/call/audio?Name=hello.wav", "other").send().await;
    others.fails(404, "not_found", None, false, "the session has no audio file by that Name");
    assert_eq!(delete("/call/audio?Name=hello.wav", "t").send().await.status, StatusCode::OK);
    assert_eq!(list("t").await, json!([]));
}

#[tokio::test]
async fn recordings_are_their_sessions() {
    let api = Api::with_session("t").await;
    api.create("customer-2", "other").await;
    api.get("/call/recordings").send().await.fails(401, "invalid_token", None, false, "invalid token");
    assert_eq!(api.get("/call/recordings").token("t").send().await.json()["data"], json!({"recordings": []}));
    let session =
        api.store.list_sessions(false, 0, 10).await.unwrap().into_iter().find(|one| one.name == "customer-1").unwrap();
    let recording = wago_store::Recording {
        id: "rec_1".to_owned(),
        session: session.id,
        call_id: "C".to_owned(),
        peer: "15550000002@s.whatsapp.net".to_owned(),
        what: "mixed".to_owned(),
        format: "ogg".to_owned(),
        started_at: 1_700_000_000_000,
        ended_at: None,
        duration_ms: 0,
        bytes: 0,
        place: None,
    };
    api.store.begin_recording(&recording).await.unwrap();
    std::fs::write(api.app.calls.recordings.join("rec_1.ogg"), b"0123456789").unwrap();
    let list = api.get("/call/recordings?CallID=C").token("t").send().await.json();
    let shown = &list["data"]["recordings"][0];
    assert_eq!((&shown["id"], &shown["path"]), (&json!("rec_1"), &json!("/call/recordings/rec_1")));
    assert_eq!((&shown["startedAt"], &shown["endedAt"]), (&json!("2023-11-14T22:13:20.000Z"), &json!(null)));
    assert_eq!(api.get("/call/recordings?CallID=D").token("t").send().await.json()["data"]["recordings"], json!([]));
    let whole = api.get("/call/recordings/rec_1").token("t").send().await;
    assert_eq!((whole.status, whole.text.as_str()), (StatusCode::OK, "0123456789"));
    let part = api.get("/call/recordings/rec_1").token("t").header("range", "bytes=2-4").send().await;
    assert_eq!((part.status, part.text.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
    for (method, token) in [(Method::GET, "other"), (Method::DELETE, "other")] {
        let answer = api.ask(method, "/call/recordings/rec_1").token(token).send().await;
        answer.fails(404, "not_found", None, false, "there is no such recording");
    }
    let gone = api.ask(Method::DELETE, "/call/recordings/rec_1").token("t").send().await;
    assert_eq!(gone.status, StatusCode::OK);
    let answer = api.get("/call/recordings/rec_1").token("t").send().await;
    answer.fails(404, "not_found", None, false, "there is no such recording");
    assert!(!api.app.calls.recordings.join("rec_1.ogg").exists());
}

#[tokio::test]
async fn a_page_is_told_of_no_servers_that_are_not_set() {
    let api = Api::with_session("t").await;
    api.get("/call/webrtc/config").send().await.fails(401, "invalid_token", None, false, "invalid token");
    let told = api.get("/call/webrtc/config").token("t").send().await.json();
    assert_eq!(told, json!({"iceServers": [], "turn": {"enabled": false, "status": "not_configured"}}));
}

#[tokio::test]
async fn there_is_a_page_to_call_with_which_runs_nothing_from_elsewhere() {
    let api = Api::new().await;
    for (path, kind, has) in [
        ("/call-demo", "text/html; charset=utf-8", "/call-demo/demo.js"),
        ("/call-demo/demo.js", "text/javascript; charset=utf-8", "RTCPeerConnection"),
        ("/call-demo/demo.css", "text/css; charset=utf-8", "#call"),
    ] {
        let answer = api.get(path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["content-type"], kind, "{path}");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
        assert!(answer.text.contains(has), "{path}");
    }
}
