//! `/send/*` and `/message/*` as far as they go without WhatsApp: a good body gets to the session, which does not run.

use axum::{Router, routing::get};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use wago_http::{Limits, MediaLimits};

use crate::api::{Answer, Api};

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// A route, the rest of a good body, the rest of a bad one, and the field that is at fault.
const ROUTES: &[(&str, &str, &str, &str)] = &[
    ("/send/text", r#""Body":"b","LinkPreview":true"#, r#""Body":"b","LinkPreview":1"#, "LinkPreview"),
    ("/send/image", r#""Image":"AAAA""#, r#""Image":"data:,x""#, "Image"),
    ("/send/audio", r#""Audio":"AAAA""#, r#""Audio":"AAAA","Seconds":-1"#, "Seconds"),
    ("/send/document", r#""Document":"AAAA""#, r#""Document":"data:a/b;base64,""#, "Document"),
    ("/send/video", r#""Video":"AAAA""#, r#""Video":"?""#, "Video"),
    ("/send/ptv", r#""Video":"AAAA""#, r#""Video":{}"#, "Video"),
    ("/send/sticker", r#""Sticker":"AAAA""#, r#""Sticker":"AAAA","Emojis":5"#, "Emojis"),
    (
        "/send/album",
        r#""Media":[{"Image":"AAAA"},{"Video":"AAAA"}]"#,
        r#""Media":[{"Image":"AAAA"},{}]"#,
        "Media[1].Image",
    ),
    ("/send/poll", r#""Question":"Q","Options":["a","b"]"#, r#""Question":"Q","Options":["a"]"#, "Options"),
    ("/send/event", r#""Name":"N","Start":1"#, r#""Name":"N","Start":"soon""#, "Start"),
    ("/send/location", r#""Latitude":1,"Longitude":2"#, r#""Latitude":91,"Longitude":2"#, "Latitude"),
    ("/send/contact", r#""FullName":"N","PhoneNumber":"15550003""#, r#""Name":"N","Vcard":"x""#, "Vcard"),
    ("/send/groupinvite", r#""GroupJID":"1@g.us","Code":"C""#, r#""GroupJID":"1","Code":"C""#, "GroupJID"),
    ("/send/preview", r#""Body":"b","URL":"http://a.b""#, r#""Body":"b""#, "URL"),
    ("/send/preview2", r#""Body":"b","URL":"http://a.b""#, r#""URL":"http://a.b""#, "Body"),
    ("/send/mediaurl", r#""URL":"AAAA""#, r#""URL":"ftp://a.b""#, "URL"),
    ("/send/status", r#""Text":"T","Audience":["15550003"]"#, r#""Text":"T""#, "Audience"),
    ("/send/buttons", r#""Body":"b","Buttons":[{"Label":"L"}]"#, r#""Body":"b","Buttons":[]"#, "Buttons"),
    (
        "/send/mediabutton",
        r#""Image":"AAAA","Body":"b","Buttons":[{"Label":"L"}]"#,
        r#""Body":"b","Buttons":[{"Label":"L"}]"#,
        "Image",
    ),
    (
        "/send/template",
        r#""Content":"b","Buttons":[{"Label":"L"}]"#,
        r#""Content":"b","Buttons":[{}]"#,
        "Buttons[0].Label",
    ),
    ("/send/locationbutton", r#""Body":"b""#, r#""Body":" ""#, "Body"),
    ("/send/list", r#""Body":"b","List":[{"Title":"T"}]"#, r#""Body":"b","List":[]"#, "List"),
    ("/send/pixbutton", r#""Key":"k","KeyType":"EVP","Name":"N""#, r#""Key":"k","KeyType":"x","Name":"N""#, "KeyType"),
    (
        "/send/reviewpay",
        r#""Items":[{"Name":"N","Amount":1}]"#,
        r#""Items":[{"Name":"N","Amount":-1}]"#,
        "Items[0].Amount",
    ),
    (
        "/send/carousel",
        r#""message":"m","carousel":[{"text":"t","buttons":[{"label":"L"}]}]"#,
        r#""message":"m","carousel":[]"#,
        "Carousel",
    ),
    (
        "/send/carouselmedia",
        r#""message":"m","carousel":[{"text":"t","media_url":"AAAA","buttons":[{"label":"L"}]}]"#,
        r#""message":"m","carousel":[{"text":"t","buttons":[{"label":"L"}]}]"#,
        "Carousel[0].media_url",
    ),
    ("/message/react", r#""Id":"A","Body":"👍""#, r#""Id":"A","Body":"no""#, "Body"),
    ("/message/edit", r#""MessageID":"A","Message":"m""#, r#""MessageID":"A""#, "Message"),
    ("/message/delete", r#""MessageID":"A""#, r#""MessageID":"""#, "MessageID"),
    ("/message/markread", r#""Id":["A"]"#, r#""Id":5"#, "Id"),
    ("/message/presence", r#""State":"composing""#, r#""State":"x""#, "State"),
    ("/message/star", r#""MessageID":"A""#, r#""MessageID":"A","Star":"x""#, "Star"),
    ("/message/pin", r#""MessageID":"A""#, r#""MessageID":"A","Duration":1"#, "Duration"),
    ("/message/vote", r#""Id":"A","Options":["a"]"#, r#""Id":"A""#, "Options"),
];

async fn post(api: &Api, path: &str, rest: &str) -> Answer {
    let body = format!(r#"{{"Phone":"15550001",{rest}}}"#);
    api.post(path).token("t").body(body).send().await
}

#[track_caller]
fn reaches_the_session(answer: &Answer) {
    answer.fails(500, "no_session", None, false, "No session");
}

#[tokio::test]
async fn every_route_reads_its_body() {
    let api = Api::with_session("t").await;
    for (path, good, bad, field) in ROUTES {
        // Only this one takes a file from nowhere but the web.
        if *path != "/send/mediaurl" {
            reaches_the_session(&post(&api, path, good).await);
        }
        let answer = post(&api, path, bad).await;
        assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &(*field).into()), "{path}");
        let nobody = api.post(path).body(format!("{{{good}}}")).send().await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in [
        "/message/download/image",
        "/message/download/video",
        "/message/download/document",
        "/message/download/audio",
        "/message/download/sticker",
    ] {
        let keys = format!(r#""mediaKey":"{KEY}","fileSHA256":"{KEY}","fileEncSHA256":"{KEY}""#);
        reaches_the_session(&post(&api, path, &format!(r#"{keys},"directPath":"/v/a""#)).await);
        let error = "missing DirectPath in payload";
        post(&api, path, &keys).await.fails(400, "missing_field", Some("DirectPath"), false, error);
    }
    let answer = post(&api, "/message/downloadimage", "\"DirectPath\":\"/v\"").await;
    answer.fails(400, "missing_field", Some("MediaKey"), false, "missing MediaKey in payload");
}

/// Small bounds, so that small files are too large.
async fn narrow(allow_private: bool) -> Api {
    let media = MediaLimits { image: 3_000_000, ..MediaLimits::default() };
    let api = Api::with(Limits { media, ..Limits::default() }, allow_private).await;
    api.create("customer-1", "t").await;
    api
}

#[tokio::test]
async fn a_file_may_be_long_and_escaped() {
    let api = narrow(true).await;
    // All that base64 has: the escapes of PHP and of .NET are among them.
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|at| (at % 251) as u8).collect();
    let encoded = STANDARD.encode(&bytes);
    let escaped = encoded.replace('/', "\\/").replace('+', "\\u002b");
    for text in [&encoded, &escaped] {
        for head in ["", "data:image/png;base64,"] {
            reaches_the_session(&post(&api, "/send/image", &format!(r#""Image":"{head}{text}""#)).await);
        }
    }
    let data = "should be a data URL (data:image/png;base64,…), base64 or an http(s) URL";
    for (head, tail) in [("", "?"), ("", "\\\""), ("data:image/png,", ""), ("", "=AAA")] {
        let answer = post(&api, "/send/image", &format!(r#""Image":"{head}{encoded}{tail}""#)).await;
        answer.fails(400, "invalid_field", Some("Image"), false, &format!("Image {data}"));
    }
    // What is put aside is no text.
    let answer = post(&api, "/send/image", &format!(r#""Image":"AAAA","Caption":"{encoded}""#)).await;
    answer.fails(400, "invalid_field", Some("Caption"), false, "Caption should be at most 4096 characters long");
    let cut = format!(r#"{{"Phone":"15550001","Image":"{encoded}"#);
    let answer = api.post("/send/image").token("t").body(cut).send().await;
    answer.fails(400, "invalid_payload", None, false, "payload is not valid JSON");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_named() {
    let api = narrow(true).await;
    let too_large = "Image is larger than 3000000 bytes";
    for length in [3_000_001, 4_000_000, 9_000_000] {
        let encoded = STANDARD.encode(vec![7; length]);
        let answer = post(&api, "/send/image", &format!(r#""Image":"{encoded}""#)).await;
        answer.fails(413, "body_too_large", Some("Image"), false, too_large);
        let form = form(&[("Phone", None, b"15550001"), ("Image", Some("a.png"), &vec![7; length])]);
        let answer = api.post("/send/image").token("t").header("content-type", FORM).body(form).send().await;
        answer.fails(413, "body_too_large", Some("Image"), false, too_large);
    }
    let announced = api.post("/send/image").token("t").header("content-length", "99999999999").send().await;
    announced.fails(413, "body_too_large", Some("Image"), false, too_large);
    let long = "x".repeat(3_000_000);
    let answer = post(&api, "/send/poll", &format!(r#""Question":"{long}""#)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

const FORM: &str = "multipart/form-data; boundary=cut";

fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: image/png")).unwrap_or_default();
        let head = format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    body
}

#[tokio::test]
async fn a_form_carries_a_file() {
    let api = narrow(true).await;
    let upload = async |parts: &[(&str, Option<&str>, &[u8])]| {
        api.post("/send/image").token("t").header("content-type", FORM).body(form(parts)).send().await
    };
    let phone = ("phone", None, &b"15550001"[..]);
    reaches_the_session(
        &upload(&[phone, ("image", Some("a.png"), &[7; 2_000_000]), ("ViewOnce", None, b"true")]).await,
    );
    let answer = upload(&[phone, ("image", Some("a.png"), b"")]).await;
    answer.fails(400, "invalid_field", Some("Image"), false, "Image should be a file that is not empty");
    let answer = upload(&[phone, ("Caption", None, b"c")]).await;
    answer.fails(400, "missing_field", Some("Image"), false, "missing Image in payload");
    let answer = upload(&[phone, ("Image", None, b"AAAA"), ("ViewOnce", None, b"maybe")]).await;
    answer.fails(400, "invalid_field", Some("ViewOnce"), false, "ViewOnce should be true or false");
    let broken = "payload is not a valid form, or has too many parts";
    let answer = upload(&[phone, ("Image", Some("a"), b"x"), ("Image", Some("b"), b"x")]).await;
    answer.fails(400, "invalid_payload", None, false, broken);
    let ask = api.post("/send/image").token("t").header("content-type", FORM).body("--cut\r\nnothing");
    ask.send().await.fails(400, "invalid_payload", None, false, broken);
    // The same form with the same key is one request, even if it is cut elsewhere.
    let elsewhere = "multipart/form-data; boundary=elsewhere";
    let parts = form(&[phone, ("image", Some("a.png"), b"x")]);
    let other = String::from_utf8(parts.clone()).unwrap().replace("--cut", "--elsewhere");
    for (kind, body) in [(FORM, parts), (elsewhere, other.into_bytes())] {
        let ask = api.post("/send/image").token("t").header("content-type", kind).header("idempotency-key", "k");
        reaches_the_session(&ask.body(body).send().await);
    }
}

/// A server with a file.
async fn host() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/a.png", get(|| async { b"\x89PNG\r\n\x1a\n and more".to_vec() }))
        .route("/empty", get(|| async { "" }))
        .route("/large", get(|| async { vec![0; 4_000_000] }))
        .route("/moved", get(|| async { axum::response::Redirect::temporary("/a.png") }))
        .route("/round", get(|| async { axum::response::Redirect::temporary("/round") }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_file_comes_from_the_web() {
    let api = narrow(true).await;
    let url = host().await;
    for path in ["/a.png", "/moved"] {
        reaches_the_session(&post(&api, "/send/image", &format!(r#""Image":"{url}{path}""#)).await);
        reaches_the_session(&post(&api, "/send/mediaurl", &format!(r#""URL":"{url}{path}""#)).await);
    }
    for (path, error) in [
        ("/none", "Image cannot be fetched: its host answered 404"),
        ("/round", "Image cannot be fetched: it redirects more than 3 times"),
        ("/empty", "Image should be a file that is not empty"),
    ] {
        let answer = post(&api, "/send/image", &format!(r#""Image":"{url}{path}""#)).await;
        answer.fails(400, "invalid_field", Some("Image"), false, error);
    }
    let answer = post(&api, "/send/image", &format!(r#""Image":"{url}/large""#)).await;
    answer.fails(413, "body_too_large", Some("Image"), false, "Image is larger than 3000000 bytes");
    let answer = post(&api, "/send/image", r#""Image":"http://127.0.0.1:1/""#).await;
    assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &"Image".into()));
}

#[tokio::test]
async fn the_web_is_not_this_machine() {
    let api = narrow(false).await;
    let url = host().await;
    for url in [&*url, "http://localhost:9/", "http://169.254.169.254/latest"] {
        let answer = post(&api, "/send/document", &format!(r#""Document":"{url}""#)).await;
        let error = "Document cannot be fetched: it leads to a private or reserved address";
        answer.fails(400, "invalid_field", Some("Document"), false, error);
    }
}

/// A route, the rest of a body, and the field that is at fault.
const BAD: &[(&str, &str, &str)] = &[
    ("/send/image", r#""Image":"data:image/png;base64,""#, "Image"),
    ("/send/image", r#""Image":"data:image/png,AAAA""#, "Image"),
    ("/send/image", r#""Image":"data:nothing;base64,AAAA""#, "Image"),
    ("/send/image", r#""Image":"not base64!""#, "Image"),
    ("/send/image", r#""Image":"""#, "Image"),
    ("/send/image", r#""Image":"ftp://a.b/c.png""#, "Image"),
    ("/send/image", r#""Image":"http://nowhere.invalid/a.png""#, "Image"),
    ("/send/image", r#""Image":"AAAA","MimeType":"png""#, "MimeType"),
    ("/send/audio", r#""Audio":"AAAA","Waveform":"!""#, "Waveform"),
    ("/send/document", r#""Document":"AAAA","FileName":"/""#, "FileName"),
    ("/send/poll", r#""Question":"Q","Options":["a"]"#, "Options"),
    ("/send/poll", r#""Question":"Q","Options":["1","2","3","4","5","6","7","8","9","10","11","12","13"]"#, "Options"),
    ("/send/poll", r#""Question":"Q","Options":["a","a"]"#, "Options"),
    ("/send/poll", r#""Question":"Q","Options":["a",""]"#, "Options"),
    ("/send/poll", r#""Question":"Q","Options":["a","b"],"MaxAnswer":3"#, "MaxAnswer"),
    ("/send/poll", r#""Question":" ","Options":["a","b"]"#, "Question"),
    ("/send/location", r#""Latitude":-90.5,"Longitude":2"#, "Latitude"),
    ("/send/location", r#""Latitude":"north","Longitude":2"#, "Latitude"),
    ("/send/location", r#""Latitude":1,"Longitude":180.1"#, "Longitude"),
    ("/send/location", r#""Latitude":1"#, "Longitude"),
    ("/send/contact", r#""Name":"N","Vcard":"BEGIN:VCARD\nEND:VCARD""#, "Vcard"),
    ("/send/contact", r#""Name":"N","Vcard":"BEGIN:VCARD\nVERSION:3.0\nFN:N""#, "Vcard"),
    (
        "/send/contact",
        r#""Contacts":[{"Vcard":"BEGIN:VCARD\nVERSION:3.0\nFN:N\nEND:VCARD"},{"Vcard":"x"}]"#,
        "Contacts[1].Vcard",
    ),
    ("/send/contact", r#""FullName":"N","PhoneNumber":"12""#, "PhoneNumber"),
    ("/send/text", r#""Body":"b","Id":"a b""#, "Id"),
    ("/send/text", r#""Body":"b","ContextInfo":{"StanzaID":""},"QuotedText":5"#, "QuotedText"),
    ("/message/react", r#""Body":"👍""#, "Id"),
    ("/message/markread", r#""Id":[]"#, "Id"),
    ("/message/vote", r#""Id":"A","Options":["a","a"]"#, "Options"),
];

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = narrow(true).await;
    for (path, rest, field) in BAD {
        let answer = post(&api, path, rest).await;
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (StatusCode::BAD_REQUEST, &(*field).into()),
            "{path} {rest}"
        );
    }
}
