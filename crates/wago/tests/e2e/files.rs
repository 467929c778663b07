//! A journey for each kind of message with a file, both ways: what the API sends as phones show it, and what phones send
//! as events tell it.

use axum::{Router, response::Html, routing::get};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, header::ACCEPT};
use serde_json::{Value, json};

use crate::{
    api::{Session, send},
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    world::World,
};

fn data_url(mimetype: &str, bytes: &[u8]) -> String {
    format!("data:{mimetype};base64,{}", BASE64_STANDARD.encode(bytes))
}

/// 640 by 320 pixels.
fn png() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(640, 320, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 99]));
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// Two seconds of a tone, 16-bit, 8 kHz, one channel.
fn wav() -> Vec<u8> {
    let samples: Vec<u8> = (0..16_000_i16).flat_map(|at| (at % 40 * 500 - 10_000).to_le_bytes()).collect();
    let mut wav =
        b"RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\x7d\0\0".to_vec();
    wav.extend(samples);
    wav
}

/// As much of a video as says 640 by 360 pixels and 12.5 s.
fn mp4() -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        [&u32::try_from(content.len() + 8).unwrap().to_be_bytes(), kind.as_slice(), content].concat()
    };
    let fields = |length: usize, numbers: &[(usize, u32)]| {
        let mut bytes = vec![0; length];
        numbers.iter().for_each(|&(at, number)| bytes[at..at + 4].copy_from_slice(&number.to_be_bytes()));
        bytes
    };
    let movie = part(b"mvhd", &fields(100, &[(12, 1_000), (16, 12_500)]));
    let head = part(b"tkhd", &fields(84, &[(12, 1), (40, 0x1_0000), (56, 0x1_0000), (76, 640 << 16), (80, 360 << 16)]));
    let media =
        [part(b"mdhd", &fields(24, &[(12, 1_000)])), part(b"hdlr", &[&[0; 8], &b"vide"[..], &[0; 13]].concat())];
    let track = part(b"trak", &[head, part(b"mdia", &media.concat())].concat());
    [part(b"ftyp", b"isom\0\0\x02\0isommp42"), part(b"moov", &[movie, track].concat()), part(b"mdat", &[7; 70_000])]
        .concat()
}

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 3 /Kids []>> endobj\n%%EOF\n";

/// A host in the web with that picture, and a page about it.
async fn host() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let page =
        r#"<title>T</title><meta property="og:description" content="D"><meta property="og:image" content="/a.png">"#;
    let bad = r#"<title>Bad</title><meta property="og:image" content="/bad.png">"#;
    let router = Router::new()
        .route("/a.png", get(|| async { png() }))
        .route("/bad.png", get(|| async { b"\x89PNG\r\n\x1a\n and no more".to_vec() }))
        .route("/page", get(move || async move { Html(page) }))
        .route("/bad", get(move || async move { Html(bad) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Sends it to Bob, and returns what his phone shows.
async fn shown(world: &World, session: &Session, path: &str, mut body: Value) -> Value {
    body["Phone"] = BOB.into();
    let sent = session.post(path, body).await.data();
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_opens_every_file() {
    let (world, session, inbox) = World::linked().await;
    let url = host().await;
    // What is sent as it is, and what a phone is told of it.
    for (path, body, kind, bytes, media) in [
        (
            "/send/image",
            json!({"Image": data_url("image/png", &png()), "Caption": "C"}),
            "image",
            png(),
            json!({"mimetype": "image/png", "width": 640, "height": 320}),
        ),
        (
            "/send/mediaurl",
            json!({"URL": format!("{url}/a.png")}),
            "image",
            png(),
            json!({"mimetype": "image/png", "width": 640, "height": 320}),
        ),
        (
            "/send/video",
            json!({"Video": BASE64_STANDARD.encode(mp4())}),
            "video",
            mp4(),
            json!({"mimetype": "video/mp4", "width": 640, "height": 360}),
        ),
        (
            "/send/ptv",
            json!({"Video": BASE64_STANDARD.encode(mp4())}),
            "video",
            mp4(),
            json!({"mimetype": "video/mp4"}),
        ),
        (
            "/send/audio",
            json!({"Audio": BASE64_STANDARD.encode(wav()), "PTT": false}),
            "audio",
            wav(),
            json!({"mimetype": "audio/wav"}),
        ),
        (
            "/send/document",
            json!({"Document": data_url("application/octet-stream", PDF), "FileName": "a.pdf"}),
            "document",
            PDF.to_vec(),
            json!({"mimetype": "application/pdf", "filename": "a.pdf"}),
        ),
    ] {
        let seen = inbox.count();
        let shown = shown(&world, &session, path, body.clone()).await;
        let id = shown["id"].as_str().unwrap();
        assert_eq!((&shown["kind"], &shown["caption"]), (&kind.into(), &body["Caption"]), "{path}");
        for (name, value) in media.as_object().unwrap() {
            assert_eq!(&shown["media"][name], value, "{path} {name}");
        }
        assert!(world.phones.file(BOB, id).await == bytes, "{path}: the same bytes");
        // What was sent is told too.
        let told = inbox.next_of(seen, "Message").await;
        assert_eq!((&told.event()["Info"]["ID"], &told.event()["Info"]["IsFromMe"]), (&json!(id), &json!(true)));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_what_whatsapp_has() {
    let (world, session, inbox) = World::linked().await;
    let seen = inbox.count();
    let note = shown(&world, &session, "/send/audio", json!({"Audio": data_url("audio/wav", &wav())})).await;
    assert_eq!((&note["media"]["mimetype"], &note["media"]["ptt"]), (&json!("audio/ogg; codecs=opus"), &json!(true)));
    let opus = world.phones.file(BOB, note["id"].as_str().unwrap()).await;
    assert!(opus.starts_with(b"OggS") && opus.len() < wav().len() / 2);
    let told = inbox.next_of(seen, "Message").await;
    let audio = &told.event()["Message"]["audioMessage"];
    assert_eq!(audio["seconds"], 2);
    assert_eq!(BASE64_STANDARD.decode(audio["waveform"].as_str().unwrap()).unwrap().len(), 64);

    let body = json!({"Sticker": data_url("image/png", &png()), "PackName": "Pack of mine", "Emojis": ["😀"]});
    let sticker = shown(&world, &session, "/send/sticker", body).await;
    let media = &sticker["media"];
    assert_eq!(
        (&media["mimetype"], &media["width"], &media["height"]),
        (&json!("image/webp"), &512.into(), &512.into())
    );
    let webp = world.phones.file(BOB, sticker["id"].as_str().unwrap()).await;
    assert!(webp.starts_with(b"RIFF") && webp.windows(12).any(|window| window == b"Pack of mine"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_shown_with_their_pages() {
    let (world, session, inbox) = World::linked().await;
    let url = host().await;
    let told = async |path: &str, mut body: Value| {
        let seen = inbox.count();
        body["Phone"] = BOB.into();
        session.post(path, body).await.data();
        inbox.next_of(seen, "Message").await.event()["Message"]["extendedTextMessage"].clone()
    };
    let text = told("/send/text", json!({"Body": format!("see {url}/page"), "LinkPreview": true})).await;
    assert_eq!((&text["title"], &text["description"]), (&json!("T"), &json!("D")));
    // The picture was made smaller, and uploaded.
    assert_eq!((&text["thumbnailWidth"], &text["thumbnailHeight"]), (&300.into(), &150.into()));
    assert!(text["JPEGThumbnail"].is_string() && text["thumbnailDirectPath"].is_string());
    // A picture of no use is no reason not to send.
    let text = told("/send/text", json!({"Body": format!("{url}/bad"), "LinkPreview": true})).await;
    assert_eq!((&text["title"], &text["JPEGThumbnail"]), (&json!("Bad"), &Value::Null));
    let picture = data_url("image/png", &png());
    let text = told("/send/preview", json!({"Body": "https://a.b", "Title": "T", "Image": &picture})).await;
    assert_eq!(text["thumbnailWidth"], 300);
    let text = told("/send/preview2", json!({"Body": "https://a.b", "Title": "T", "Image": &picture})).await;
    assert!(text["contextInfo"]["externalAdReply"]["thumbnail"].is_string());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_album_brings_its_pictures_in_order() {
    let (world, session, _) = World::linked().await;
    let body = json!({"Phone": BOB, "Media": [
        {"Image": data_url("image/png", &png()), "Caption": "one"},
        {"Video": data_url("video/mp4", &mp4()), "Caption": "two"},
    ]});
    let sent = session.post("/send/album", body).await.data();
    for (id, caption, bytes) in [(&sent["Ids"][0], "one", png()), (&sent["Ids"][1], "two", mp4())] {
        let shown = world.phones.shows(BOB, id.as_str().unwrap()).await;
        assert_eq!(shown["caption"], caption);
        assert!(world.phones.file(BOB, id.as_str().unwrap()).await == bytes);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_go_with_buttons_cards_and_invitations() {
    let (world, session, inbox) = World::linked().await;
    let picture = data_url("image/png", &png());
    let buttons = json!([{"label": "L"}]);
    for (path, body, place) in [
        (
            "/send/mediabutton",
            json!({"Image": &picture, "Body": "B", "Buttons": &buttons}),
            "/interactiveMessage/header/media/ImageMessage/directPath",
        ),
        (
            "/send/carouselmedia",
            json!({"message": "M", "carousel": [{"text": "C", "media_url": &picture, "buttons": &buttons}]}),
            "/interactiveMessage/interactiveMessage/CarouselMessage/cards/0/header/media/ImageMessage/directPath",
        ),
        (
            "/send/groupinvite",
            json!({"GroupJID": "1203@g.us", "Code": "AbC", "Image": &picture}),
            "/groupInviteMessage/JPEGThumbnail",
        ),
    ] {
        let seen = inbox.count();
        shown(&world, &session, path, body).await;
        let told = inbox.next_of(seen, "Message").await;
        let message = &told.event()["Message"];
        assert!(message.pointer(place).is_some_and(Value::is_string), "{path}: {message}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_can_be_looked_at_once() {
    let (world, session, _) = World::linked().await;
    for (path, field, file) in
        [("/send/image", "Image", png()), ("/send/video", "Video", mp4()), ("/send/audio", "Audio", wav())]
    {
        let body = json!({field: BASE64_STANDARD.encode(file), "ViewOnce": true});
        assert_eq!(shown(&world, &session, path, body).await["viewOnce"], true, "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_stay_as_long_as_those_of_their_chat() {
    let (world, session, inbox) = World::linked().await;
    let text = async |body: Value| shown(&world, &session, "/send/text", body).await["expiration"].clone();
    assert_eq!(text(json!({"Body": "stays"})).await, Value::Null);
    world.phones.send(BOB, json!({"to": ALICE, "text": "goes", "expiration": 86_400})).await;
    inbox.text("goes").await;
    assert_eq!(text(json!({"Body": "goes too"})).await, 86_400);
    let picture = json!({"Image": data_url("image/png", &png())});
    assert_eq!(shown(&world, &session, "/send/image", picture).await["expiration"], 86_400);
    let poll = json!({"Question": "Q", "Options": ["a", "b"]});
    assert_eq!(shown(&world, &session, "/send/poll", poll).await["expiration"], 86_400);
    // Whoever says how long is heard.
    assert_eq!(text(json!({"Body": "a week", "ContextInfo": {"Expiration": 604_800}})).await, 604_800);
    assert_eq!(text(json!({"Body": "for good", "ContextInfo": {"Expiration": 0}})).await, Value::Null);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_phones_send_can_be_fetched() {
    let (world, session, inbox) = World::linked_with(&[("storemessage", "true")]).await;
    let nowhere = json!({"Id": "3EB0NOWHERE"});
    session.post("/message/download/image", nowhere).await.fails(404, "unknown_message", "no message with this Id");
    let text = world.phones.text(BOB, ALICE, "no file").await;
    inbox.text("no file").await;
    session.post("/message/download/image", json!({"Id": text})).await.fails(400, "invalid_field", "with such a file");
    for (kind, mimetype, bytes) in [
        ("image", "image/png", png()),
        ("video", "video/mp4", mp4()),
        ("audio", "audio/wav", wav()),
        ("document", "application/pdf", PDF.to_vec()),
        ("sticker", "image/webp", b"RIFF\x08\0\0\0WEBPVP8 ".to_vec()),
    ] {
        let id = world.phones.send(BOB, json!({"to": ALICE, kind: data_url(mimetype, &bytes)})).await;
        let told = inbox.first(kind, |one| one.event()["Info"]["ID"] == id.as_str()).await;
        assert!(told.file.as_ref().unwrap().bytes == bytes, "{kind}: the same bytes");
        let described = &told.event()["Message"][format!("{kind}Message")];
        let path = format!("/message/download/{kind}");
        let answer = session.post(&path, described.clone()).await.data();
        assert_eq!((&answer["Mimetype"], &answer["Data"]), (&json!(mimetype), &json!(data_url(mimetype, &bytes))));
        let ask = session.ask(Method::POST, &path).header(ACCEPT, mimetype).json(described);
        assert!(ask.send().await.unwrap().bytes().await.unwrap() == bytes, "{kind}: the same bytes");
        let answer = session.post(&path, json!({"Id": &id})).await.data();
        assert_eq!(answer["Data"], data_url(mimetype, &bytes), "{kind}: by its id");
        let mut other = described.clone();
        other["mediaKey"] = BASE64_STANDARD.encode([7; 32]).into();
        session.post(&path, other).await.fails(400, "invalid_field", "MediaKey does not open the file");
        let lost = format!("/phones/{BOB}/messages/{id}/media");
        world.phones.ask(Method::DELETE, &lost, Value::Null).await.data();
        session.post(&path, described.clone()).await.fails(404, "media_gone", "no such file");
        let again = session.post(&path, json!({"Id": &id})).await.data();
        assert_eq!(again["Data"], data_url(mimetype, &bytes), "{kind}: the phone uploads it again");
        world.phones.ask(Method::DELETE, &format!("{lost}?copies=true"), Value::Null).await.data();
        session.post(&path, json!({"Id": &id})).await.fails(404, "media_gone", "no such file");
    }
    world.stop().await;
}

async fn told(world: &World, inbox: &Inbox, message: Value) -> Value {
    let mut message = message;
    message["to"] = ALICE.into();
    let id = world.phones.send(BOB, message).await;
    let told = inbox.first("a message", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert_eq!(told.event()["Info"]["Sender"], jid(BOB));
    told.event()["Message"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_phones_say_without_a_file_is_told() {
    let (world, session, inbox) = World::linked().await;
    let place = json!({"location": {"latitude": 1.5, "longitude": -2.0, "name": "N"}});
    let told_place = told(&world, &inbox, place).await["locationMessage"].clone();
    assert_eq!((&told_place["degreesLatitude"], &told_place["name"]), (&1.5.into(), &json!("N")));
    let card = json!({"contact": {"name": "Ana", "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nEND:VCARD"}});
    assert_eq!(told(&world, &inbox, card).await["contactMessage"]["displayName"], "Ana");
    let poll = json!({"poll": {"question": "Q", "options": ["a", "b", "c"]}});
    assert_eq!(told(&world, &inbox, poll).await["pollCreationMessageV3"]["name"], "Q");

    // Bob votes in Alice's poll, and changes his mind.
    let asked = shown(&world, &session, "/send/poll", json!({"Question": "Q", "Options": ["a", "b", "c"]})).await;
    for options in [json!(["c", "a"]), json!(["b"]), json!([])] {
        let body = json!({"id": asked["id"], "options": options});
        let sent = world.phones.ask(Method::POST, &format!("/phones/{BOB}/vote"), body).await.data();
        let vote = inbox.first("a vote", |one| one.event()["Info"]["ID"] == sent["id"]).await;
        let mut chosen: Vec<&str> = options.as_array().unwrap().iter().map(|option| option.as_str().unwrap()).collect();
        chosen.sort_unstable();
        assert_eq!(vote.json["voteOptions"], json!(chosen));
        let hashes = vote.json["decryptVote"].as_str().unwrap();
        assert_eq!(hashes.split(',').filter(|hash| hash.len() == 64).count(), chosen.len());
    }

    // Alice votes in Bob's.
    let asked = world.phones.send(BOB, json!({"to": ALICE, "poll": {"question": "Q", "options": ["x", "y"]}})).await;
    inbox.first("a poll", |one| one.event()["Info"]["ID"] == asked.as_str()).await;
    let seen = inbox.count();
    let vote = json!({"Phone": BOB, "Id": asked, "Options": ["y"]});
    let sent = send(session.ask(Method::POST, "/message/vote").json(&vote)).await.data();
    assert_eq!(world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await["text"], "y");
    assert_eq!(inbox.next_of(seen, "Message").await.json["voteOptions"], json!(["y"]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_polls_files_and_a_timer() {
    let (world, session, inbox) = World::linked().await;
    let group = json!({"subject": "G", "owner": BOB, "participants": [ALICE]});
    let group = world.phones.ask(Method::POST, "/groups", group).await.data()["jid"].clone();
    let path = group.as_str().unwrap().split('@').next().unwrap().to_owned();
    let post = async |path: &str, mut body: Value| {
        body["Phone"] = group.clone();
        let sent = session.post(path, body).await.data();
        world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await
    };
    let image = post("/send/image", json!({"Image": data_url("image/png", &png())})).await;
    assert!(world.phones.file(BOB, image["id"].as_str().unwrap()).await == png());
    assert_eq!((&image["chat"], &image["expiration"]), (&group, &Value::Null));

    let poll = post("/send/poll", json!({"Question": "Q", "Options": ["a", "b"]})).await;
    let vote = json!({"id": poll["id"], "options": ["b"]});
    let sent = world.phones.ask(Method::POST, &format!("/phones/{BOB}/vote"), vote).await.data();
    let vote = inbox.first("a vote", |one| one.event()["Info"]["ID"] == sent["id"]).await;
    assert_eq!(vote.json["voteOptions"], json!(["b"]));

    let seen = inbox.count();
    let timer = format!("/phones/{BOB}/groups/{path}/ephemeral");
    world.phones.ask(Method::POST, &timer, json!({"ephemeral": 86_400})).await.data();
    inbox.next_of(seen, "GroupInfo").await;
    assert_eq!(post("/send/text", json!({"Body": "goes"})).await["expiration"], 86_400);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stories_are_told_to_their_audience() {
    let (world, session, _) = World::linked().await;
    for (body, kind) in [
        (json!({"Text": "story", "Audience": [BOB]}), "text"),
        (json!({"Image": data_url("image/png", &png()), "Caption": "C", "Audience": [BOB]}), "image"),
        (json!({"Video": data_url("video/mp4", &mp4()), "Audience": [BOB]}), "video"),
    ] {
        let sent = session.post("/send/status", body).await.data();
        let shown = world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
        assert_eq!((&shown["kind"], &shown["chat"]), (&json!(kind), &json!("status@broadcast")));
    }
    world.stop().await;
}
