use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    phones::{ALICE, BOB, jid},
    world::World,
};

/// What a camera sees in a picture given as a data URL.
fn scan(picture: &str) -> String {
    let png = picture.strip_prefix("data:image/png;base64,").unwrap();
    let png = BASE64_STANDARD.decode(png).unwrap();
    let picture = image::load_from_memory(&png).unwrap().to_luma8();
    let (width, height) = picture.dimensions();
    let pixel = |x: usize, y: usize| picture.get_pixel(x as u32, y as u32).0[0];
    let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width as usize, height as usize, pixel);
    seen.detect_grids()[0].decode().unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn by_qr_code() {
    let world = World::start().await;
    let (session, inbox) = world.session("sales").await;
    session.connect().await.data();
    let status = session.status().await;
    assert_eq!((&status["Connected"], &status["LoggedIn"]), (&json!(false), &json!(false)));
    assert_eq!(status["Health"]["state"], "waiting_for_scan");

    let qr = session.get("/session/qr").await.data();
    let seen = scan(qr["QRCode"].as_str().unwrap());
    assert_eq!(seen, qr["Code"].as_str().unwrap());
    assert!(qr["ExpiresIn"].as_u64().unwrap() > 0, "{qr}");
    let device = world.phones.link(ALICE, json!({"qr": seen})).await.data();
    inbox.next_of(0, "Connected").await;

    let status = session.status().await;
    assert_eq!((&status["Connected"], &status["LoggedIn"]), (&json!(true), &json!(true)));
    assert_eq!(status["Health"]["state"], "ok");
    assert_eq!(status["Jid"], json!({"User": ALICE, "Server": "s.whatsapp.net"}));
    let lid = device["lid"].as_str().unwrap();
    let lid = lid.split([':', '@']).next().unwrap();
    assert_eq!(status["Lid"], json!({"User": lid, "Server": "lid"}));

    let again = session.get("/session/qr").await;
    again.fails(500, "already_logged_in", "Already Logged in");
    let again = session.post("/session/pair", json!({"Phone": ALICE})).await;
    again.fails(500, "already_logged_in", "Already Logged in");
    let connected = session.connect().await.data();
    assert_eq!(connected["details"], "Connected!");
    assert_eq!(connected["jid"], device["jid"]);

    let paired = inbox.next_of(0, "PairSuccess").await;
    assert_eq!(paired.event()["ID"], device["jid"]);
    assert_eq!(paired.event()["LID"], device["lid"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_code() {
    let world = World::start().await;
    let (session, inbox) = world.session("sales").await;
    let ask = async || {
        let paired = session.post("/session/pair", json!({"Phone": BOB})).await;
        let code = paired.data()["LinkingCode"].as_str().unwrap().to_owned();
        assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'), "{code}");
        code
    };
    let code = ask().await;
    let other = if code.starts_with('A') { "B" } else { "A" };
    let wrong = format!("{other}{}", &code[1..]);
    let refused = world.phones.link(BOB, json!({"code": wrong})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_eq!(session.status().await["LoggedIn"], false);

    // A code is good for one try.
    let code = ask().await;
    world.phones.link(BOB, json!({"code": code})).await.data();
    inbox.next_of(0, "Connected").await;
    let status = session.status().await;
    assert_eq!(status["Connected"], true);
    assert_eq!(status["Jid"], json!({"User": BOB, "Server": "s.whatsapp.net"}));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_of_one_phone() {
    let (world, first, first_inbox) = World::linked().await;
    let (second, second_inbox) = world.session("second").await;
    second.link(&world.phones, ALICE, &second_inbox).await;

    let devices = world.phones.devices(ALICE).await;
    assert_eq!(devices.len(), 2);
    for (device, id) in devices.iter().zip([1, 2]) {
        assert_eq!(device["id"], id);
        assert_eq!(device["jid"], format!("{ALICE}:{id}@s.whatsapp.net"));
        assert_eq!(device["name"], "Linux");
        assert_eq!(device["online"], true);
    }
    assert!(world.phones.devices(BOB).await.is_empty());

    // Each hears of what is sent to the account, and of what the other sends.
    world.phones.text(BOB, ALICE, "to both").await;
    first_inbox.text("to both").await;
    second_inbox.text("to both").await;
    first.text(BOB, "from the first").await.data();
    let own = second_inbox.text("from the first").await;
    let info = &own.event()["Info"];
    assert_eq!((&info["IsFromMe"], &info["Chat"]), (&json!(true), &json!(jid(BOB))));
    world.stop().await;
}
