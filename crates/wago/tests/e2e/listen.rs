//! `wago listen`, as a process beside the gateway's.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use reqwest::StatusCode;
use tokio::sync::mpsc;

use crate::{
    patiently,
    phones::{ALICE, BOB},
    world::World,
};

struct Listener {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Listener {
    fn start(url: &str, token: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wago"))
            .args(["listen", "--url", url])
            .args(arguments)
            .env_clear()
            .env("WAGO_TOKEN", token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel(1_024);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that fits.
    async fn line(&mut self, fits: impl Fn(&str) -> bool) -> String {
        patiently("a line of the listener", async {
            loop {
                let line = self.lines.recv().await.expect("it goes on");
                if fits(&line) {
                    return line;
                }
            }
        })
        .await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_shown_and_forwarded() {
    let (world, session, _) = World::linked().await;
    let forwarded = world.hook.inbox("forwarded");
    let url = &world.api.url;
    let mut shown = Listener::start(url, &session.token, &[]);
    let mut passed = Listener::start(url, &session.token, &["--types", "Message", "--forward-to", &forwarded.url]);
    shown.line(|line| line.starts_with("listening to ")).await;
    passed.line(|line| line.starts_with("listening to ")).await;

    world.phones.text(BOB, ALICE, "hello listener").await;
    let line = shown.line(|line| line.contains("hello listener")).await;
    assert!(line.contains("Message") && line.contains("15550000002@s.whatsapp.net"), "{line}");
    let line = passed.line(|line| line.contains("hello listener")).await;
    assert!(line.contains("-> 200 in "), "{line}");
    let got = forwarded.text("hello listener").await;
    assert_eq!(got.token, session.token);
    assert_eq!(got.json["eventId"], got.headers["webhook-id"].to_str().unwrap());

    forwarded.answer(StatusCode::INTERNAL_SERVER_ERROR);
    world.phones.text(BOB, ALICE, "not taken").await;
    let line = passed.line(|line| line.contains("not taken")).await;
    assert!(line.contains("-> 500: responded 500; passed over at cursor "), "{line}");
    drop((shown, passed));
    world.stop().await;
}

/// The gateway goes away and comes back: what happened meanwhile is shown too, and nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_survives_a_restart() {
    let (mut world, session, inbox) = World::linked().await;
    let port = world.api.url.rsplit(':').next().unwrap().to_owned();
    let mut listener = Listener::start(&world.api.url, &session.token, &["--types", "Message"]);
    listener.line(|line| line.starts_with("listening to ")).await;
    world.phones.text(BOB, ALICE, "before").await;
    listener.line(|line| line.contains("before")).await;
    world.stop_gateway().await;
    listener.line(|line| line.starts_with("not connected: ")).await;
    world.phones.text(BOB, ALICE, "meanwhile").await;
    world.start_gateway_at(&port).await;
    inbox.text("meanwhile").await;
    world.phones.text(BOB, ALICE, "after").await;
    let mut said = Vec::new();
    while said.last().is_none_or(|line: &String| !line.contains("after")) {
        said.push(listener.line(|line| line.contains("Message")).await);
    }
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("meanwhile"), "{said:?}");
    drop(listener);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_ends_it() {
    let world = World::start().await;
    let mut listener = Listener::start(&world.api.url, "wrong", &[]);
    let ended = tokio::task::spawn_blocking(move || (listener.child.wait().unwrap(), listener));
    let (status, mut listener) = patiently("the end of a listener", ended).await.unwrap();
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(listener.child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(said, "wago: invalid token\n");
    world.stop().await;
}
